import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

describe("a gateway that is killed", () => {
  let on: ProvisionedGateway;
  beforeAll(async () => {
    on = await provisionedGateway();
  });
  afterAll(() => on?.close());

  test("killed in the middle of creates: every agent is whole or absent, and the doctor agrees", async () => {
    const answers = Array.from({ length: 12 }, (_, at) => on.create(`cut-${at}`).catch(() => undefined));
    await sleep(700);
    await on.gateway.kill();
    const answered = (await Promise.all(answers)).filter((one) => one?.status === 201).length;
    await on.gateway.start();
    const records = async () =>
      (
        (await on.gateway.api("GET", "/agents?limit=200")).body as {
          agents: { agentId: string; managed: boolean; status: string }[];
        }
      ).agents.filter((one) => one.agentId.startsWith("cut-"));
    await expect
      .poll(async () => (await records()).every((one) => one.managed && one.status === "ready"), { timeout: 40_000 })
      .toBe(true);
    const whole = await records();
    expect(whole.length).toBeGreaterThanOrEqual(answered);
    if (whole[0]) expect((await on.gateway.turn(whole[0].agentId)).status).toBe(200);
    const report = JSON.parse(await on.gateway.cli(["provisioning", "doctor", "--json"])) as { ok: boolean };
    expect(report.ok).toBe(true);
    console.log(`killed: ${answered} of 12 were answered, ${whole.length} are whole`);
  }, 300_000);
});
