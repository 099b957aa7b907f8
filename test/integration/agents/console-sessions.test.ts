import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { consoleBearer } from "../../../src/http/console-bearer.ts";
import type { Caller } from "../../../src/service/caller.ts";
import { closeSession, listSessions, makeConsoleLink, openSession } from "../../../src/service/console/sessions.ts";
import type { Context } from "../../../src/service/context.ts";
import { bareContext } from "../../bare-context.ts";

let stateDir: string;
let node: NodePorts;
let context: Context;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-sessions-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  context = bareContext({ ...node.ports, settings: settings.settings });
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const open = async (actor: string) => {
  const caller: Caller = { actor, scopes: [], reach: "own", operator: false, requestId: "r" };
  return await openSession(context, caller, {}, undefined);
};

it("a caller that opens sessions without end ends its own oldest, and nobody else's", async () => {
  const others = [await open("admin"), await open("jwt:colleague")];
  const first = await open("jwt:loop");
  for (let count = 0; count < 502; count++) await open("jwt:loop");
  const left = (await listSessions(context)).sessions;
  expect(left).toHaveLength(102);
  const ids = left.map(({ id }) => id);
  for (const { id } of others) expect(ids).toContain(id);
  expect(ids).not.toContain(first.id);
}, 60_000);

it("a session that its caller has closed takes no place of its others", async () => {
  const first = await open("jwt:worker");
  for (let count = 0; count < 110; count++) {
    const { id } = await open("jwt:worker");
    const caller: Caller = { actor: "jwt:worker", scopes: [], reach: "own", operator: false, requestId: "r" };
    await closeSession(context, caller, id, "console.close");
  }
  expect((await listSessions(context)).sessions.map(({ id }) => id)).toEqual([first.id]);
}, 60_000);

it("a session ends an hour after its last use, whatever its page asks while nobody is there", async () => {
  const minuteMs = 60_000;
  let now = Date.now();
  const at = { ...context, clock: { ...context.clock, now: () => now } };
  const caller: Caller = { actor: "jwt:away", scopes: [], reach: "own", operator: false, requestId: "r" };
  const { session } = await openSession(at, caller, {}, undefined);
  now += 30 * minuteMs;
  expect(await consoleBearer(at, session, false)).toBeDefined();
  for (let minutes = 0; minutes < 59; minutes += 1) {
    now += minuteMs;
    expect(await consoleBearer(at, session, true)).toBeDefined();
  }
  now += 2 * minuteMs;
  expect(await consoleBearer(at, session, true)).toBeUndefined();
});

it("a link opens a session by an instance whose clock is a minute ahead of its maker's, and once", async () => {
  const caller: Caller = { actor: "jwt:linked", scopes: [], reach: "own", operator: false, requestId: "r" };
  const { code } = await makeConsoleLink(context, caller, {});
  const clock = { ...context.clock, now: () => Date.now() + 61_000 };
  expect(await openSession({ ...context, clock }, caller, {}, code)).toMatchObject({ actor: "jwt:linked" });
  await expect(openSession(context, caller, {}, code)).rejects.toMatchObject({ code: "unauthorized" });
});
