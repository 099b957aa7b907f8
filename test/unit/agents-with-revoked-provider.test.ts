import { expect, it } from "vitest";
import type { Context } from "../../src/service/context.ts";
import { findAgentsWithRevokedProvider } from "../../src/service/maintenance/agents-with-revoked-provider.ts";

it("counts the agents of a revoked provider by pages, and asks for none by itself", async () => {
  const key = (at: number, aiProviderId: string) => ({
    keyId: `k${at}`,
    agentId: `a${at}`,
    mode: "virtual",
    aiProviderId,
  });
  const stored: Record<string, object[]> = {
    "ai-providers": [
      { id: "p", name: "P", provider: "anthropic", revokedAt: "2026-11-30T00:00:00.000Z" },
      { id: "q", name: "Q", provider: "openai" },
    ],
    "ai-keys": [key(1, "p"), key(2, "p"), key(3, "p"), key(4, "q"), { ...key(5, "p"), mode: "minted" }],
    // The third has another key by now.
    agents: [1, 2, 3, 4, 5].map((at) => ({ agentId: `a${at}`, aiKeyId: at === 3 ? "k9" : `k${at}` })),
  };
  const records = {
    list: async (collection: string) => ({ items: stored[collection] }),
    get: () => Promise.reject(new Error("one of a thousand operations")),
  };
  const found = await findAgentsWithRevokedProvider({ records } as unknown as Context);
  expect(found).toEqual(['2 agents of "P" (anthropic, p)']);
});
