import { type BodyFields, isRecord, list } from "./wire.ts";

const strings = (values: readonly unknown[]): string[] => values.filter((value) => typeof value === "string");

/** Every model that a request in OpenAI's shape names, its own first. */
export function namedModels(body: BodyFields): string[] {
  const named: unknown[] = [];
  const nameIn = (value: unknown): void => {
    if (!isRecord(value)) return;
    // OpenRouter's plugin and tool that ask a panel of models, by default one that stands nowhere in the request.
    if (value.id === "fusion" || value.type === "openrouter:fusion") named.push("openrouter/fusion");
    named.push(value.model, ...list(value.analysis_models));
  };
  for (const one of [...list(body.get("tools")), ...list(body.get("plugins"))]) {
    nameIn(one);
    if (isRecord(one)) nameIn(one.parameters);
  }
  return strings([body.get("model"), ...list(body.get("models")), ...named]);
}
