import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createGatewayRpc } from "../../../adapters/openclaw/gateway-rpc.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";
import type { Gateway } from "./gateway.ts";
import { masterKey, type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

const ownKey = "sk-test-made-by-hand-not-a-real-key";
const commonKey = "sk-test-common-not-a-real-key";
/** A session with history, fallbacks and a binding; one whose model somebody picked; one on a profile of `main`'s. */
const ids = ["talker", "picker", "sharer"] as const;
const longMs = 600_000;

describe("agents that were made by hand, on a real gateway", { timeout: longMs }, () => {
  let on: ProvisionedGateway;
  let gateway: Gateway;
  /** Behind the meter. */
  let upstream: SampleUpstream;
  /** The operator's own provider, past it. */
  let shared: SampleUpstream;
  const before: Record<string, string> = {};

  beforeAll(async () => {
    shared = await startSampleUpstream();
    shared.behave({ usesTools: false });
    const cost = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 };
    const limits = { contextWindow: 200_000, maxTokens: 8_000 };
    const models = ["one", "two", "three"].map((id) => ({ id, name: id, input: ["text"], cost, ...limits }));
    const provider = { baseUrl: shared.origin, api: "anthropic-messages", models };
    const entries = Object.fromEntries(
      ids.map((id) => [
        id,
        {
          name: id,
          workspace: `~/.openclaw/workspace-${id}`,
          identity: { emoji: "🦞" },
          model: id === "talker" ? { primary: "shared/one", fallbacks: ["shared/two"] } : "shared/one",
          ...(id === "picker" && { tools: { deny: ["browser"] } }),
        },
      ]),
    );
    const openclaw = {
      models: { mode: "merge", providers: { shared: provider } },
      agents: { ownership: "explicit", entries: { main: {}, ...entries } },
      bindings: [{ type: "route", agentId: "talker", match: { channel: "telegram", accountId: "by-hand" } }],
    };
    on = await provisionedGateway({ openclaw });
    ({ gateway, upstream } = on);
    const paste = async (agent: string, profile: string, key: string) => {
      const where = ["--agent", agent, "--provider", "shared", "--profile-id", profile];
      await gateway.cli(["models", "auth", "paste-api-key", ...where], key);
    };
    await paste("main", "shared:common", commonKey);
    await paste("talker", "shared:own", ownKey);
    await gateway.cli(["models", "auth", "order", "set", "--agent", "talker", "--provider", "shared", "shared:own"]);
    for (const id of ids) {
      const first = await turn(id, `the first words of ${id}`);
      if (first.status !== 200) throw new Error(`${id}: ${first.status} ${JSON.stringify(first.body)}`);
      before[id] = await entryOf(id);
    }
    const rpc = createGatewayRpc(
      async () => ({ url: gateway.url.replace("http", "ws"), auth: { token: gateway.token } }),
      { version: "1.0.0" },
    );
    await rpc.request("sessions.patch", { key: sessionOf("picker"), model: "shared/three" });
    await turn("picker", "with another model");
    expect(lastOf(shared).model).toBe("three");
  }, longMs);
  afterAll(async () => {
    await on?.close();
    await shared?.close();
  });

  const sessionOf = (id: string) => `agent:${id}:main`;
  const turn = (id: string, message: string) => gateway.turn(id, message, sessionOf(id));
  const lastOf = ({ seen }: SampleUpstream) => {
    const { body, headers } = seen.at(-1)!;
    return { text: body, key: headers["x-api-key"], model: (JSON.parse(body) as { model: string }).model };
  };
  const file = async () => JSON.parse(await readFile(join(gateway.stateDir, "openclaw.json"), "utf8"));
  const entryOf = async (id: string): Promise<string> => JSON.stringify((await file()).agents.entries[id], null, 2);
  const bindings = async () => (await file()).bindings;
  const asked = { autoProvisionAiKey: { provider: "anthropic", quotas: { maxUsdPerMonth: 20 } } };
  const adopt = (id: string, more: object = {}) =>
    gateway.api("POST", `/agents/${id}/adopt`, { ...asked, ...more }, on.key);
  const release = (id: string) => gateway.api("POST", `/agents/${id}/release`, undefined, on.key);
  const orderOf = async (id: string, provider: string): Promise<string> =>
    await gateway.cli(["models", "auth", "order", "get", "--agent", id, "--provider", provider, "--json"]);
  const usedBy = async (id: string): Promise<number> => {
    const { body } = await gateway.api("GET", `/agents/${id}/usage`);
    return (body as { total: { tokens: number } }).total.tokens;
  };

  test("a dry run says what it would change, of all of them, and changes nothing", async () => {
    const args = ["provisioning", "agents", "adopt", "--all", "--dry-run", "--provision-ai-key", "anthropic", "--json"];
    const { adopted } = JSON.parse(await gateway.cli(args)) as { adopted: { agentId: string; changes: object[] }[] };
    expect(adopted.map(({ agentId }) => agentId).sort()).toEqual([...ids].sort());
    for (const { changes } of adopted)
      expect(changes).toContainEqual(expect.objectContaining({ setting: "utilityModel", after: '""' }));
    for (const id of ids) expect(await entryOf(id)).toBe(before[id]);
  });

  test.each(ids)("%s: adopted, metered, with its history; released, as it was", async (id) => {
    const providers = ["shared", "metered-anthropic"];
    const orders = id === "talker" ? await Promise.all(providers.map((one) => orderOf(id, one))) : [];
    const routes = await bindings();
    const adopted = await adopt(id, { labels: { by: "hand" } });
    expect(adopted).toMatchObject({
      status: 200,
      body: { agentId: id, confinement: "trusted", labels: { by: "hand" } },
    });
    console.log(`${id}: adopted in ${Math.round(adopted.took)} ms`);
    expect(await bindings()).toEqual(routes);

    const sharedBefore = shared.seen.length;
    const answer = await turn(id, `after its adoption`);
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([200, expect.stringContaining("word")]);
    expect(shared.seen.length).toBe(sharedBefore);
    expect(lastOf(upstream)).toMatchObject({ key: masterKey, model: "claude-sonnet-4-5" });
    expect(lastOf(upstream).text).toContain(`the first words of ${id}`);
    expect(await usedBy(id)).toBe(19);
    const { body } = await gateway.api("GET", `/agents/${id}`);
    expect(body).toMatchObject({ status: "ready", managed: true, adopted: true, health: { credentials: "ok" } });
    expect((await gateway.api("DELETE", `/agents/${id}`, {}, on.key)).body.code).toBe("agent_adopted");

    const released = await release(id);
    expect(released).toMatchObject({ status: 200, body: { agentId: id } });
    console.log(`${id}: released in ${Math.round(released.took)} ms`);
    expect(await entryOf(id)).toBe(before[id]);
    expect(await bindings()).toEqual(routes);
    if (id === "talker") expect(await Promise.all(providers.map((one) => orderOf(id, one)))).toEqual(orders);
    const metered = upstream.seen.length;
    expect((await turn(id, "after its release")).status).toBe(200);
    expect(shared.seen.length).toBeGreaterThan(sharedBefore);
    expect(upstream.seen.length).toBe(metered);
    expect(lastOf(shared)).toMatchObject({ key: id === "talker" ? ownKey : commonKey });
    expect(lastOf(shared).text).toContain("after its adoption");
  });

  test("held to a workspace, and given back with the tools that it had", async () => {
    expect(await adopt("talker", { confinement: "workspace" })).toMatchObject({ body: { confinement: "workspace" } });
    expect(JSON.parse(await entryOf("talker")).tools).toMatchObject({ fs: { workspaceOnly: true } });
    expect((await turn("talker", "in its workspace")).status).toBe(200);
    await release("talker");
    expect(await entryOf("talker")).toBe(before.talker);
  });

  /** The agent's state after a kill, by all that tells of it. @param words for its next turn, that were never said to it */
  async function stateOf(id: string, words: string): Promise<string> {
    const { managed, status } = (await gateway.api("GET", `/agents/${id}`)).body;
    expect([id, (await entryOf(id)) === before[id]]).toEqual([id, !managed]);
    if (managed) expect(status).toBe("ready");
    expect([id, (await turn(id, words)).status]).toEqual([id, 200]);
    const own = upstream.seen.filter(({ body }) => body.includes(words) && body.includes(`the first words of ${id}`));
    expect([id, own.length > 0]).toEqual([id, managed]);
    return managed ? "adopted" : "its own";
  }

  // Before the first write, at each step of it, while it is taken up, and with some answered already.
  // In the middle of the reload; each step before it is tried on a host that dies there.
  test("killed in the middle of adoptions and releases: each is done or undone", async () => {
    const afterMs = 900;
    for (const act of [adopt, release]) {
      const acts = ids.map((id) => act(id).catch(() => undefined));
      await sleep(afterMs);
      await gateway.kill();
      const answered = (await Promise.all(acts)).map((one) => one?.status);
      await gateway.start();
      const states = await Promise.all(ids.map((id) => stateOf(id, `${act.name} killed after ${afterMs} ms`)));
      for (const [at, status] of answered.entries())
        if (status === 200) expect(states[at]).toBe(act === adopt ? "adopted" : "its own");
      console.log(`${act.name} killed after ${afterMs} ms: answered ${answered}, then ${states}`);
      const own = ids.filter((_, at) => states[at] === "its own");
      if (act === adopt)
        expect((await Promise.all(own.map((id) => adopt(id)))).map((one) => one.status)).toEqual(own.map(() => 200));
    }
    const { agents } = (await gateway.api("GET", "/agents")).body as {
      agents: { agentId: string; managed: boolean }[];
    };
    const managed = agents.filter((one) => one.managed).map((one) => one.agentId);
    expect((await Promise.all(managed.map(release))).map((one) => one.status)).toEqual(managed.map(() => 200));
    for (const id of ids) expect(await entryOf(id)).toBe(before[id]);
  });
});
