import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { WireList } from "../../scripts/wire-lists/sdk-types.ts";
import { anthropicBetas, messagesShape } from "../../src/providers/anthropic/anthropic-shape.ts";
import { geminiShape, generationShape } from "../../src/providers/gemini/gemini-shape.ts";
import { chatShape, embeddingsShape, responsesShape } from "../../src/providers/openai/openai-shape.ts";
import { openAiBetas } from "../../src/providers/openai/wire.ts";
import type { Shape, Verdict } from "../../src/providers/shared/shape.ts";

/** Every name that the official SDKs know has a verdict: what a newer one adds fails here until somebody decides. */

const listOf = (provider: string): WireList =>
  JSON.parse(readFileSync(new URL(`../../scripts/wire-lists/${provider}.json`, import.meta.url), "utf8"));

/** Types that were held against a verdict: they nest in one another. */
type Seen = Map<Verdict, Set<string>>;

/** Names without a verdict in `verdict` and below, for values of the type `name`. */
function undecided(list: WireList, name: string, verdict: Verdict, place: string, seen: Seen): string[] {
  const fields = list.types[name.replaceAll("[]", "")];
  if (!fields || verdict === "harmless" || (verdict.kind !== "object" && verdict.kind !== "tagged")) return [];
  const names = seen.get(verdict) ?? new Set();
  if (names.has(name)) return [];
  seen.set(verdict, names.add(name));
  if (verdict.kind === "tagged") {
    const tags =
      fields[verdict.tag]?.filter((tag) => tag.startsWith('"')).map((tag) => JSON.parse(tag) as string) ?? [];
    if (tags.length === 0) {
      return verdict.untagged ? undecided(list, name, verdict.untagged, place, seen) : [`${place}:untagged`];
    }
    return tags.flatMap((tag) => {
      const inner = verdict.by.get(tag);
      const what = `${place}:${tag}`;
      return inner === undefined ? [what] : undecided(list, name, inner, what, seen);
    });
  }
  return Object.entries(fields).flatMap(([field, values]) => {
    const inner = verdict.fields.get(field);
    const what = `${place}.${field}`;
    if (inner === undefined) return [what];
    return values.flatMap((value) => undecided(list, value, inner, what, seen));
  });
}

const missing = (provider: string, endpoint: string, shape: Verdict): string[] => {
  const list = listOf(provider);
  const seen: Seen = new Map();
  return list.endpoints[endpoint]!.flatMap((type) => undecided(list, type, shape, endpoint, seen));
};
const field = (shape: Shape, name: string): Verdict => shape.fields.get(name)!;

describe("each name has a verdict", () => {
  it.each<[string, string, Verdict]>([
    ["anthropic", "messages", messagesShape],
    ["openai", "chat", chatShape({})],
    ["openai", "responses", responsesShape({})],
    ["openai", "embeddings", embeddingsShape({})],
    ["gemini", "content", field(geminiShape, "contents")],
    ["gemini", "tools", field(geminiShape, "tools")],
    ["gemini", "toolConfig", field(geminiShape, "toolConfig")],
    ["gemini", "safetySettings", field(geminiShape, "safetySettings")],
    ["gemini", "generationConfig", generationShape],
  ])("%s %s", (provider, endpoint, shape) => {
    expect(missing(provider, endpoint, shape)).toEqual([]);
  });

  it("in the configuration that Gemini's SDK makes the request of", () => {
    /** They go into no body. */
    const own = ["httpOptions", "abortSignal", "automaticFunctionCalling"];
    const { endpoints, types } = listOf("gemini");
    const names = ["config", "embedConfig"].flatMap((one) => Object.keys(types[endpoints[one]![0]!]!));
    const known = (name: string) => geminiShape.fields.has(name) || generationShape.fields.has(name);
    expect(names.filter((name) => !known(name) && !own.includes(name))).toEqual([]);
  });

  it.each([
    ["anthropic", anthropicBetas],
    ["openai", openAiBetas],
  ])("of the betas of %s", (provider, { harmless, refused }) => {
    const { betas } = listOf(provider);
    expect(betas.length).toBeGreaterThan(0);
    expect(betas.filter((beta) => !harmless.has(beta) && !refused.has(beta))).toEqual([]);
  });
});

it("a name that a newer SDK adds fails", () => {
  const list = listOf("anthropic");
  const [type] = Object.entries(list.types).find(([, fields]) => fields.type?.[0] === '"image"')!;
  list.types[type]!.video_url = ["string"];
  list.types.NewBlock = { type: ['"hologram"'] };
  list.types.UserMessageParam!.content!.push("NewBlock[]");
  list.types.MessageCreateParamsBase!.think_twice = ["boolean"];
  const found = list.endpoints.messages!.flatMap((one) => undecided(list, one, messagesShape, "messages", new Map()));
  expect(new Set(found)).toEqual(
    new Set([
      expect.stringMatching(/:image\.video_url$/),
      expect.stringMatching(/content:hologram$/),
      "messages.think_twice",
    ]),
  );
});
