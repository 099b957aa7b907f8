import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

describe("how fast agents are made on a real gateway", () => {
  let on: ProvisionedGateway;
  beforeAll(async () => {
    on = await provisionedGateway();
  });
  afterAll(() => on?.close());

  test("creation is many times faster than OpenClaw's own command", async () => {
    const commands: number[] = [];
    for (let at = 0; at < 2; at++) {
      const startedAt = performance.now();
      const workspace = join(on.gateway.stateDir, `workspace-cli-${at}`);
      await on.gateway.cli(["agents", "add", `cli-${at}`, "--non-interactive", "--workspace", workspace, "--json"]);
      commands.push(performance.now() - startedAt);
    }
    await sleep(2_000);
    const singles: number[] = [];
    for (let at = 0; at < 5; at++) singles.push((await on.created(`single-${at}`)).took);
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 50 }, (_, at) => on.created(`many-${at}`)));
    const each = (performance.now() - startedAt) / 50;
    const command = median(commands);
    const single = median(singles);
    console.log(
      `agents add ${command.toFixed(0)} ms; one by one ${single.toFixed(0)} ms (${(command / single).toFixed(1)}x); ` +
        `50 at once ${each.toFixed(0)} ms each (${(command / each).toFixed(0)}x)`,
    );
    expect(command / single).toBeGreaterThan(6);
    expect(command / each).toBeGreaterThan(50);
    expect((await on.gateway.turn("many-49")).status).toBe(200);
  }, 300_000);
});

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
