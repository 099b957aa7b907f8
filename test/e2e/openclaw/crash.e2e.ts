import { statSync } from "node:fs";
import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

const creations = 12;
/** Each test starts a gateway and three commands anew, with other gateways beside it. */
const longMs = 300_000;

describe("a gateway that is stopped, or killed in the middle of creates", { timeout: longMs }, () => {
  let on: ProvisionedGateway;
  beforeAll(async () => {
    on = await provisionedGateway();
  });
  afterAll(() => on?.close());
  // The gateway's log alone tells of its work up to the kill.
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => console.error((await on.gateway.log()).slice(-20_000)));
  });

  async function agentsNamed(prefix: string) {
    const { body } = await on.gateway.api("GET", "/agents?limit=200");
    const { agents } = body as { agents: { agentId: string; managed: boolean; status: string }[] };
    return agents.filter((one) => one.agentId.startsWith(prefix));
  }

  const lock = () => join(on.gateway.stateDir, "openclaw.json.lock");

  async function mendLeft(): Promise<void> {
    expect(await on.gateway.cli(["provisioning", "doctor", "--fix"])).toMatch(/^fixed +left behind/m);
  }

  /** As docs/openclaw.md says for what a kill leaves: a half-made database, beside which no gateway starts, or a lock. */
  async function startAfterKill(): Promise<void> {
    try {
      await on.gateway.start();
    } catch (error) {
      const [, database] = /database (\S+) has no schema ownership metadata/.exec(String(error)) ?? [];
      if (database === undefined) throw error;
      console.log(`half made: ${database}`);
      await mendLeft();
      await on.gateway.start();
    }
    if (statSync(lock(), { throwIfNoEntry: false })?.size === 0) await mendLeft();
  }

  // Before the first write, while it is taken up, and with some answered already.
  test.each([
    ["keys", 300],
    ["reload", 1_400],
    ["answers", 3_500],
  ])("at the %s: every agent is whole or absent, and the doctor agrees", async (prefix, afterMs) => {
    const answers = Array.from({ length: creations }, async (_, at) => {
      await sleep(at * 250);
      return await on.create(`${prefix}-${at}`).catch(() => undefined);
    });
    await sleep(afterMs);
    await on.gateway.kill();
    // The same kill may come as OpenClaw takes its lock.
    if (prefix === "reload") await writeFile(lock(), "", { mode: 0o600 });
    const answered = (await Promise.all(answers)).filter((one) => one?.status === 201).map((one) => one!.body.agentId);
    await startAfterKill();
    const found = await agentsNamed(prefix);
    const ids = found.map((one) => one.agentId);
    console.log(`${prefix}: ${answered.length} of ${creations} were answered, ${ids.length} are there`);
    expect(found.every((one) => one.managed && one.status === "ready")).toBe(true);
    expect(ids).toEqual(expect.arrayContaining(answered));
    const listed = JSON.parse(await on.gateway.cli(["agents", "list", "--json"])) as { id: string }[];
    expect(
      listed
        .map((one) => one.id)
        .filter((id) => id.startsWith(prefix))
        .sort(),
    ).toEqual(ids);
    for (const id of ids.slice(0, 2)) expect((await on.gateway.turn(id)).status).toBe(200);
    const report = JSON.parse(await on.gateway.cli(["provisioning", "doctor", "--json"])) as { ok: boolean };
    expect(report.ok).toBe(true);
    // An absent agent can be made now.
    expect((await on.create(`${prefix}-${creations - 1}`)).status).toBe(
      ids.includes(`${prefix}-${creations - 1}`) ? 409 : 201,
    );
  });

  test("as it took OpenClaw's lock: the answer and the doctor say what mends it, with no restart", async () => {
    await writeFile(lock(), "", { mode: 0o600 });
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(lock(), longAgo, longAgo);
    const refused = await on.create("locked");
    expect(refused).toMatchObject({ status: 503, body: { code: "host_unavailable" } });
    expect(refused.body.detail).toContain(`rm '${lock()}'`);
    expect(refused.took).toBeLessThan(10_000);
    await expect(on.gateway.cli(["provisioning", "doctor"])).rejects.toThrow(lock());
    await on.gateway.cli(["provisioning", "doctor", "--fix"]);
    await on.created("locked");
  });

  test("at its stop: a stream is answered to its end", async () => {
    const { body } = await on.created("stops", { revealAiKey: true });
    const { key, baseUrl } = body.aiKey as { key: string; baseUrl: string };
    on.upstream.behave({ pieces: 30, intervalMs: 100 });
    const answer = await fetch(`${baseUrl}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": key, "anthropic-version": "2023-06-01" },
      body: JSON.stringify({ model: "m", max_tokens: 500, stream: true, messages: [] }),
    });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value!;
    const stopped = on.gateway.stop();
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    expect(text).toMatch(/message_stop/);
    await stopped;
  });
});
