import { scrubKeys } from "../../domain/scrub-keys.ts";

/**
 * The message of a provider's error, in any of the shapes in use: `{error:{message}}` (OpenAI, Anthropic, Google,
 * OpenRouter, LiteLLM), `{error,error_description}` (OAuth), `{detail}` and `{detail:{error}}` (FastAPI), `{message}`.
 * On one line, without keys and without a full stop, at most 300 characters.
 */
export function providerErrorMessage(json: unknown, secrets: readonly string[]): string | undefined {
  const error = property(json, "error");
  const detail = property(json, "detail");
  const said = [
    property(error, "message"),
    property(json, "error_description"),
    error,
    property(detail, "error"),
    detail,
    property(json, "message"),
  ].find((value): value is string => typeof value === "string" && value.trim() !== "");
  return said === undefined ? undefined : oneLine(said, secrets);
}

/** Scrubbed before it is cut: half a key would no longer be known for one. */
export const oneLine = (text: string, secrets: readonly string[]): string =>
  scrubKeys(text, secrets)
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim()
    .slice(0, 300)
    .replace(/[.\s]+$/, "");

/** `undefined` of anything that is no object: an answer may be any JSON. */
export const property = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
