import { expect, it } from "vitest";

interface Node {
  props: { children?: Shown };
}
type Shown = Node | Shown[] | string | number | boolean | null | undefined;

const textOf = (shown: Shown): string => {
  if (Array.isArray(shown)) return shown.map(textOf).join("");
  if (typeof shown === "object" && shown !== null) return textOf(shown.props.children);
  return typeof shown === "string" || typeof shown === "number" ? String(shown) : "";
};

it.each([
  [{ tools: ["web_search", "web_fetch"], peers: ["one"] }, "Toolsweb_search, web_fetchPeersone"],
  [{ tools: [], peers: [] }, ""],
  [{}, ""],
])("the console shows %j", async (agent, text) => {
  // Typed for a browser, unlike this file.
  const facts = "../../src/console/ui/hold-facts.tsx";
  const { HoldFacts } = await import(facts);
  expect(textOf(HoldFacts({ agent }))).toBe(text);
});
