import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { Problem } from "../../../src/errors.ts";
import type { AgentHost } from "../../../src/ports.ts";

let stateDir: string;
let node: NodePorts;
let app: App;
/** Whether the host does what it is asked and says nothing. */
let silent: boolean;
/** Whether this process is taken for one that is gone. */
let gone: boolean;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-doubt-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  const { host } = node.ports;
  silent = gone = false;
  const answered = async <T>(answer: Promise<T>): Promise<T> => {
    await answer;
    if (silent) throw new Problem("gateway_failed", "It does not answer.");
    return await answer;
  };
  const create: AgentHost["create"] = (agent) => answered(host.create(agent));
  const remove: AgentHost["remove"] = async (agent, what) => {
    if (silent) throw new Problem("gateway_failed", "It does not answer.");
    return await host.remove(agent, what);
  };
  const overridden = { create, remove };
  const proxied = new Proxy(host, { get: (of, name) => Reflect.get(overridden, name) ?? Reflect.get(of, name) });
  const instance = { id: node.ports.instance.id, isGone: () => gone };
  app = createApp({ ...node.ports, host: proxied, instance }, settings.settings);
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

async function create(idempotencyKey: string | undefined, body: object = { name: "my-agent" }) {
  const headers: Record<string, string> = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await app.fetchAsOperator(new Request("http://localhost/api/v1/agents/create", init));
  const { code } = (await response.json()) as { code?: string };
  return { status: response.status, code, retryAfter: response.headers.get("retry-after") };
}

it("a repeated create is told to wait while it is not known what became of the first, and is then done", async () => {
  silent = true;
  expect(await create("once")).toMatchObject({ status: 502, code: "gateway_failed" });
  silent = false;
  const again = await create("once");
  expect(again).toMatchObject({ status: 409, code: "idempotency_in_flight" });
  expect(Number(again.retryAfter)).toBeGreaterThan(0);
  // For all others the name is taken.
  for (const [key, body] of [["other"], [undefined], ["once", { name: "My Agent" }]] as const) {
    expect(await create(key, body)).toMatchObject({ status: 409, code: "agent_exists", retryAfter: null });
  }
  gone = true;
  expect((await app.maintain()).recovered).toEqual(['create of agent "my-agent": undone']);
  gone = false;
  expect(await create("once")).toMatchObject({ status: 201 });
  expect(await create("once")).toMatchObject({ status: 200 });
});

it("a create without an Idempotency-Key is not taken for another's", async () => {
  silent = true;
  expect((await create(undefined)).status).toBe(502);
  for (const key of ["once", undefined]) expect(await create(key)).toMatchObject({ status: 409, code: "agent_exists" });
});
