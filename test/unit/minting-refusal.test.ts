import { expect, test } from "vitest";
import { mintRefusal } from "../../src/providers/mint-refusal.ts";
import { minterFor } from "../../src/providers/minter-for.ts";
import type { MintMeans } from "../../src/providers/provider.ts";
import { quotaNames } from "../../src/schema/quota.ts";

const able: Record<string, MintMeans> = {
  openai: { kind: "openai", project: "proj_sample", hint: "sk-admin-...abcd" },
  openrouter: { kind: "openrouter" },
  gemini: { kind: "gemini", project: "sample-project", hasCredentials: true },
  litellm: { kind: "litellm", baseUrl: "http://litellm.example" },
};

test.each(Object.entries(able))("%s mints without quotas", (_, means) => {
  expect(mintRefusal(means, {})).toBeUndefined();
});

test.each(Object.entries(able))(
  "%s refuses the quotas it cannot enforce, and names the mode that can",
  (kind, means) => {
    for (const name of quotaNames) {
      const refusal = mintRefusal(means, { [name]: 0 });
      if (kind === "litellm" && name === "maxRequestsPerMinute") expect(refusal).toBeUndefined();
      else expect(refusal).toMatch(new RegExp(`cannot hold a key to ${name}; use the mode "virtual"`));
    }
  },
);

test("a quota that is the AI provider's default is said to be it", () => {
  const defaultQuotas = { maxTokensPerMonth: 5, maxRequestsPerMinute: 5 };
  expect(mintRefusal({ ...able.litellm!, defaultQuotas }, { maxRequestsPerDay: 1 })).toBe(
    'LiteLLM cannot hold a key to maxTokensPerMonth (a default of this AI provider), maxRequestsPerDay; use the mode "virtual", in which every quota is enforced.',
  );
  expect(mintRefusal({ ...able.litellm!, defaultQuotas: { maxRequestsPerMinute: 5 } }, {})).toBeUndefined();
});

test("several quotas are named together", () => {
  const refusal = mintRefusal(able.litellm!, { maxTokensPerMonth: 1, maxRequestsPerDay: 1, maxRequestsPerMinute: 1 });
  expect(refusal).toContain("maxTokensPerMonth, maxRequestsPerDay;");
});

test.each<[string, MintMeans, RegExp]>([
  ["anthropic", { kind: "anthropic" }, /Anthropic has no API that creates keys; use the mode "virtual"/],
  ["a custom provider", { kind: "custom", baseUrl: "http://llm.example" }, /no API for minting.*"virtual"/],
  ["openai without a project", { kind: "openai" }, /--project.*"virtual"/],
  [
    "openai with an ordinary key",
    { kind: "openai", project: "p", hint: "sk-proj-...abcd" },
    /admin key.*sk-proj-\.\.\.abcd/,
  ],
  ["gemini without credentials", { kind: "gemini", project: "p" }, /--credentials FILE.*"virtual"/],
  ["gemini without a project", { kind: "gemini", hasCredentials: true }, /--project/],
  ["litellm without a base URL", { kind: "litellm" }, /--base-url/],
])("%s is refused", (_, means, said) => {
  expect(mintRefusal(means, {})).toMatch(said);
  if (means.hint === undefined)
    expect(minterFor({ ...means, masterKey: "k" }, { fetch, clock: { now: () => 0 } })).toBeUndefined();
});

test.each(Object.entries({ ...able, anthropic: { kind: "anthropic" }, custom: { kind: "custom" } } as typeof able))(
  "%s takes a budget in USD only where it can be held to it",
  (kind, means) => {
    const refusal = mintRefusal(means, {}, { budgetUsdPerMonth: 10 });
    if (kind === "openrouter" || kind === "litellm") expect(refusal).toBeUndefined();
    else expect(refusal).toMatch(/budgetUsdPerMonth.*"minted".*OpenRouter or LiteLLM/);
  },
);

test("behind a base URL of its own, an OpenAI key may look like anything", () => {
  expect(mintRefusal({ ...able.openai!, hint: "...", baseUrl: "http://gateway.example/v1" }, {})).toBeUndefined();
});

test("Google's keys do not expire", () => {
  expect(mintRefusal(able.gemini!, {}, { expiresAt: "2026-12-01T00:00:00.000Z" })).toContain("do not expire");
  expect(mintRefusal(able.openrouter!, {}, { expiresAt: "2026-12-01T00:00:00.000Z" })).toBeUndefined();
});
