import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

const names = Array.from({ length: 50 }, (_, at) => `many-${at}`);

describe("fifty agents asked for at once", () => {
  let on: ProvisionedGateway;
  beforeAll(async () => {
    on = await provisionedGateway();
  });
  afterAll(() => on?.close());

  test("are all made, known to the gateway, and answer with their own key", async () => {
    await Promise.all(names.map((name) => on.created(name)));
    const listed = JSON.parse(await on.gateway.cli(["agents", "list", "--json"])) as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual(expect.arrayContaining(names));
    for (const name of [names[0]!, names.at(-1)!]) expect((await on.gateway.turn(name)).status).toBe(200);
  }, 300_000);

  test("and so are twenty-four by one call, with three reloads at most, and answer with their own key", async () => {
    const autoProvisionAiKey = { provider: "anthropic" };
    const agents = Array.from({ length: 24 }, (_, at) => ({
      name: `bulk-${at}`,
      model: "claude-sonnet-3.5",
      autoProvisionAiKey,
    }));
    const from = (await on.gateway.log()).length;
    const { status, body } = await on.gateway.api("POST", "/agents/bulk", { action: "create", agents }, on.key);
    expect(status).toBe(200);
    const { results } = body as { results: { agentId?: string }[] };
    expect(results.map(({ agentId }) => agentId)).toEqual(agents.map(({ name }) => name));
    const reloads = () => on.gateway.reloads(from);
    await expect.poll(reloads, { timeout: 60_000, interval: 500 }).toBeGreaterThan(0);
    // A turn takes seconds as a gateway fills; `npm run bench bulk` lets each of a hundred answer.
    for (const { name } of agents.filter((_, at) => at % 8 === 0)) {
      expect([name, (await on.gateway.turn(name)).status]).toEqual([name, 200]);
      const { body } = await on.gateway.api("GET", `/agents/${name}/usage`);
      expect([name, body.total]).toEqual([name, expect.objectContaining({ requests: 1 })]);
    }
    expect(await reloads()).toBeLessThanOrEqual(3);
  }, 300_000);
});
