import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { adminClient, keyedClient, makeStateDir, startServerProcess } from "../server-process.ts";

let stateDir: string;
beforeAll(async () => {
  stateDir = await makeStateDir();
});
afterAll(() => rmSync(stateDir, { recursive: true, force: true }));

const names = Array.from({ length: 24 }, (_, at) => `agent-${at}`);
const read = (...path: string[]) => JSON.parse(readFileSync(join(stateDir, ...path), "utf8"));
const fields = ({ name, model, bindings }: Record<string, unknown>) => ({ name, model, bindings });

it("kill -9 in the middle of changes: record and host agree, and no intent is left without its outcome", async () => {
  let server = await startServerProcess(stateDir);
  let { client } = await keyedClient(server.origin);
  for (const name of names) await client.agents.create({ name, model: "m0" });
  for (let round = 1; round <= 3; round++) {
    let done = 0;
    const changing = names.map(async (name, at) => {
      for (let turn = 1; ; turn++) {
        const to = `${round}-${turn}`;
        await client.agents.update(name, { name: `${name} ${to}`, model: `m${to}` });
        await client.agents.onboard(name, { steps: ["bindings"], bindings: [`telegram:${at}-${to}`] });
        if (++done === 10 * round) void server.kill();
      }
    });
    await Promise.allSettled(changing);
    await server.kill();
    server = await startServerProcess(stateDir);
    ({ client } = await keyedClient(server.origin));
    for (const name of names) {
      const record = read("provisioning", "agents", `${name}.json`);
      expect([name, fields(record)]).toEqual([name, fields(read("agents", name, "agent.json"))]);
    }
  }
  const open = new Map<string, string>();
  for (const line of readFileSync(join(stateDir, "provisioning", "audit.jsonl"), "utf8")
    .trim()
    .split("\n")) {
    const { phase, operationId, action, target } = JSON.parse(line);
    if (phase === "intent") open.set(operationId, `${action} ${target}`);
    if (phase === "outcome") open.delete(operationId);
  }
  expect([...open.values()]).toEqual([]);
  expect(await adminClient(server.origin).audit.verify()).toMatchObject({ ok: true });
  expect(await server.stop()).toBe(0);
}, 120_000);
