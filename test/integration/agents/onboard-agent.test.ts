import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { Problem, type ProblemCode } from "../../../src/errors.ts";
import type { AgentHost } from "../../../src/ports.ts";
import { parseOperation } from "../../../src/service/operations/operation.ts";
import type { Records } from "../../../src/storage/keyspace.ts";
import { callAsOperator } from "../../call-as-operator.ts";

let stateDir: string;
let node: NodePorts;
let app: App;
/** The host's steps in place of binding, or before it removes. */
let instead: { bind?: () => Promise<never>; remove?: () => Promise<void> };
/** Whether records cannot be written. */
let full: boolean;
/** Whether this process is taken for one that is gone. */
let gone: boolean;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-onboard-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  instead = {};
  gone = full = false;
  const { host, records } = node.ports;
  const bind: AgentHost["bind"] = async (agent, bindings) => await (instead.bind?.() ?? host.bind(agent, bindings));
  const remove: AgentHost["remove"] = async (agent, what) => {
    await instead.remove?.();
    return await host.remove(agent, what);
  };
  const overridden = { bind, remove };
  const proxied = new Proxy(host, { get: (of, name) => Reflect.get(overridden, name) ?? Reflect.get(of, name) });
  const instance = { id: node.ports.instance.id, isGone: () => gone };
  const replace: Records["replace"] = async (...record) => {
    if (full) throw new Problem("store_unwritable");
    return await records.replace(...record);
  };
  app = createApp({ ...node.ports, host: proxied, instance, records: { ...records, replace } }, settings.settings);
  for (const name of ["one", "two"]) expect((await call("POST", "/agents/create", { name })).status).toBe(201);
});
afterEach(async () => {
  vi.useRealTimers();
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: object) => callAsOperator(app, method, path, body);
const onboard = (agent: string, bindings: string[], more: object = {}) =>
  call("POST", `/agents/${agent}/onboard`, { steps: ["bindings"], bindings, ...more });
/** Whether the other agent can have it. */
const isFree = async (binding: string) => (await onboard("two", [binding])).body.failed.length === 0;
const fails = (code: ProblemCode) => () => Promise.reject(new Problem(code));

describe("a binding that the host", () => {
  it("refused is free for others, and what the agent had before stays its own", async () => {
    expect((await onboard("one", ["slack:had"])).body.failed).toEqual([]);
    instead.bind = fails("binding_taken");
    const { body } = await onboard("one", ["slack:had", "telegram:*"]);
    expect(body).toMatchObject({ failed: ["bindings"], errors: [{ code: "binding_taken" }] });
    delete instead.bind;
    expect([await isFree("telegram:*"), await isFree("slack:had")]).toEqual([true, false]);
    expect((await call("GET", "/agents/one")).body.bindings).toEqual(["slack:had"]);
  });

  it.each([
    "gateway_failed",
    "store_unwritable",
    // As a gateway says while it is still at the first of two attempts.
    "agent_busy",
  ] as const)("may have taken (%s) is its agent's until that is deleted", async (code) => {
    instead.bind = fails(code);
    await onboard("one", ["telegram:*"], { steps: ["bindings", "model"], model: "gpt-5" });
    expect((await call("GET", "/agents/one")).body.bindings).toEqual([]);
    delete instead.bind;
    expect(await isFree("telegram:*")).toBe(false);
    // Nor does a refusal of the second attempt tell of the first.
    instead.bind = fails("binding_taken");
    await onboard("one", ["telegram:*", "slack:new"]);
    delete instead.bind;
    expect([await isFree("telegram:*"), await isFree("slack:new")]).toEqual([false, true]);
    await call("DELETE", "/agents/one");
    expect(await isFree("telegram:*")).toBe(true);
  });

  it("may have taken, and has after another attempt, is in doubt no more", async () => {
    instead.bind = fails("gateway_failed");
    await onboard("one", ["telegram:*", "slack:later"]);
    delete instead.bind;
    expect((await onboard("one", ["telegram:*"])).body.failed).toEqual([]);
    expect(await app.context.records.get("agents", "one")).toMatchObject({
      bindings: ["telegram:*"],
      bindingsInDoubt: ["slack:later"],
    });
    await onboard("one", ["slack:later"]);
    const record = await app.context.records.get("agents", "one");
    expect([record!.bindings, record!.bindingsInDoubt]).toEqual([["telegram:*", "slack:later"], undefined]);
  });

  it("was to take when the process died, and has not taken, is free", async () => {
    const begun = Promise.withResolvers<void>();
    const died = Promise.withResolvers<never>();
    instead.bind = () => {
      begun.resolve();
      return died.promise;
    };
    const lost = onboard("one", ["telegram:*"]);
    await begun.promise;
    gone = true;
    await app.maintain();
    gone = false;
    delete instead.bind;
    expect(await isFree("telegram:*")).toBe(true);
    died.reject(new Problem("gateway_failed"));
    await lost;
  });
});

it("a binding that was given, though no record could be written of it, is settled once one can", async () => {
  full = true;
  expect(await onboard("one", ["telegram:*"])).toMatchObject({ status: 503, body: { code: "store_unwritable" } });
  full = false;
  gone = true;
  await app.maintain();
  gone = false;
  expect((await call("GET", "/agents/one")).body.bindings).toEqual(["telegram:*"]);
  expect(await isFree("telegram:*")).toBe(false);
  await call("DELETE", "/agents/one");
  expect(await isFree("telegram:*")).toBe(true);
});

describe("a delete that waits for an onboarding", () => {
  /** Resolves to the deletion's answer; what it does on the host waits for `until`. */
  async function deletedMeanwhile(until?: () => Promise<void>) {
    const begun = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const { bind } = node.ports.host;
    instead.bind = (async () => {
      begun.resolve();
      await asked.promise;
      const agent = { agentId: "one", name: "one", bindings: [] };
      return await bind(agent, ["telegram:*"]);
    }) as () => Promise<never>;
    const onboarding = onboard("one", ["telegram:*"]);
    await begun.promise;
    if (until) instead.remove = until;
    const deletion = call("DELETE", "/agents/one");
    // It has looked at the agent by then.
    await new Promise((resolve) => setTimeout(resolve, 50));
    asked.resolve();
    expect((await onboarding).body.completed).toEqual(["bindings"]);
    delete instead.bind;
    return await deletion;
  }

  it("frees what was bound meanwhile", async () => {
    expect(await deletedMeanwhile()).toMatchObject({ status: 200 });
    expect(await isFree("telegram:*")).toBe(true);
  });

  it("leaves a note of it, which its renewals keep", async () => {
    let notes: (string[] | undefined)[] = [];
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    await deletedMeanwhile(async () => {
      await vi.advanceTimersByTimeAsync(10_000);
      const claims = await node.ports.ledger.abandoned(() => true);
      notes = claims.map(({ note }) => parseOperation(note!)?.bindings);
    });
    expect(notes).toEqual([["telegram:*"]]);
  });
});
