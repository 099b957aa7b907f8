import { describe, expect, it } from "vitest";
import { declareModel, declareProvider, providerFor } from "../../adapters/openclaw/metered-provider.ts";
import { modelCost } from "../../adapters/openclaw/model-cost.ts";
import type { OpenClawConfig } from "../../adapters/openclaw/openclaw-config.ts";

describe("a model's cost in OpenClaw's configuration", () => {
  const day = "2026-11-29";

  it.each([
    ["anthropic", "claude-haiku-4-5-20251001", { input: 1, output: 5, cacheRead: 0.1, cacheWrite: 1.25 }],
    ["openai", "gpt-4o", { input: 2.5, output: 10, cacheRead: 1.25, cacheWrite: 2.5 }],
    ["gemini", "gemini-3.8-flash", { input: 0.75, output: 3.75, cacheRead: 0.075, cacheWrite: 0.75 }],
    ["anthropic", "claude-opus-99", { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }],
    ["my-llm", "gpt-4o", { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }],
  ])("is the list price of %s %s", (slug, model, cost) => {
    expect(modelCost(slug, model, day)).toEqual(cost);
  });

  it("is written where the model is declared, and an entry that is there stays as it is", () => {
    const credential = { provider: "anthropic", apiKey: "not-a-real-key", metered: true };
    const proxy = "http://127.0.0.1:18789/proxy";
    const provider = providerFor({ ...credential, baseUrl: `${proxy}/anthropic` }, proxy);
    const draft: OpenClawConfig = {};
    declareProvider(draft, provider);
    declareModel(draft, `${provider.name}/claude-haiku-4-5`);
    const models = () => draft.models?.providers?.[provider.name]?.models;
    expect(models()).toMatchObject([{ id: "claude-haiku-4-5", cost: { input: 1, output: 5, cacheRead: 0.1 } }]);
    models()![0]!.cost = { input: 9, output: 9, cacheRead: 9, cacheWrite: 9 };
    declareModel(draft, `${provider.name}/claude-haiku-4-5`);
    expect(models()).toMatchObject([{ cost: { input: 9 } }]);
  });
});
