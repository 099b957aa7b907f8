import { expect, it, vi } from "vitest";
import { makeAgentByHand } from "../../agent-by-hand.ts";
import { create, gatewayStand } from "../../gateway-stand.ts";
import { masterKeys, sampleAdminApis } from "../../upstream/sample-admin-apis.ts";

const stand = gatewayStand();

it("a dry run of a change to many agents refuses what the change refuses, agent by agent", async () => {
  const apis = await sampleAdminApis();
  try {
    const first = await stand.plane({ gw1: {}, gw2: {} });
    const accounts = [
      { provider: "anthropic", name: "A", key: "sk-ant-0123456789", verify: false },
      {
        provider: "openrouter",
        name: "O",
        key: masterKeys.openrouter,
        baseUrl: `${apis.origin}/openrouter/api/v1`,
        verify: false,
      },
    ];
    for (const account of accounts) await first.call("POST", "/provisioning/ai-providers", account);
    const autoProvisionAiKey = { provider: "anthropic" };
    const soon = new Date(Date.now() + 60_000).toISOString();
    const made: Record<string, object> = {
      keyed: { autoProvisionAiKey },
      plain: {},
      minted: { autoProvisionAiKey: { provider: "openrouter", mode: "minted" } },
      ended: { autoProvisionAiKey, expiresAt: soon },
      expired: { autoProvisionAiKey: { ...autoProvisionAiKey, expiresAt: soon } },
      lost: { gateway: "gw2", autoProvisionAiKey },
    };
    for (const [name, more] of Object.entries(made))
      expect((await create(first, name, { gateway: "gw1", ...more })).status, name).toBe(201);
    for (const id of ["theirs", "adopted"]) await makeAgentByHand(stand.gateways[0]!.stateDir, id);
    expect((await first.call("POST", "/agents/adopted/adopt", { autoProvisionAiKey })).status).toBe(200);
    const { call } = await stand.plane({ gw1: {} });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 120_000 });

    const agentIds = [...Object.keys(made), "theirs", "adopted", "absent", "main"];
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const changes = [
      { action: "suspend" },
      { action: "resume" },
      { action: "update", model: "claude-sonnet-4-5" },
      { action: "update", quotas: { maxRequestsPerDay: 9 } },
      { action: "update", labels: { tenant: "acme" } },
      { action: "update", expiresAt: new Date(0).toISOString() },
      { action: "rotate" },
      { action: "update", expiresAt: later },
      { action: "delete" },
    ];
    const codes = async (body: object) => {
      // Whether an agent of others has an entry to change its host alone knows.
      const ids = agentIds.filter((id) => !("model" in body && id === "theirs"));
      const answer = await call("POST", "/agents/bulk", { ...body, agentIds: ids });
      const failed = answer.body.failed as { agentId: string; code: string }[];
      return Object.fromEntries(failed.map(({ agentId, code }) => [agentId, code]));
    };
    for (const change of changes) {
      const dry = await codes({ ...change, dryRun: true });
      const real = await codes(change);
      expect.soft(real, JSON.stringify(change)).toEqual(dry);
    }
  } finally {
    await apis.close();
  }
}, 60_000);
