import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OpenClawConfig } from "../../../adapters/openclaw/openclaw-config.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";
import type { Gateway } from "./gateway.ts";
import { type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

const operatorKey = "sk-test-operators-not-a-real-key";
const ownKey = "sk-test-made-by-hand-not-a-real-key";
const ids = ["busy", "idle"];
const longMs = 600_000;

let on: ProvisionedGateway;
let gateway: Gateway;
/** With an agent's own key. */
let own: SampleUpstream;
/** The operator's provider, with the operator's key. */
let shared: SampleUpstream;

beforeAll(async () => {
  shared = await startSampleUpstream();
  shared.behave({ usesTools: false });
  const cost = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 };
  const model = { id: "claude-z", name: "claude-z", input: ["text"], cost, contextWindow: 200_000, maxTokens: 8_000 };
  const provider = { baseUrl: shared.origin, api: "anthropic-messages", apiKey: operatorKey, models: [model] };
  on = await provisionedGateway({
    openclaw: { models: { mode: "merge", providers: { shared: provider } } },
  });
  ({ gateway, upstream: own } = on);
}, longMs);
afterAll(async () => {
  await on?.close();
  await shared?.close();
});

/** As an operator edits the file. */
async function edit(change: (config: OpenClawConfig) => void): Promise<void> {
  const file = join(gateway.stateDir, "openclaw.json");
  const config = JSON.parse(await readFile(file, "utf8")) as OpenClawConfig;
  change(config);
  await writeFile(file, JSON.stringify(config));
}

const onboard = (id: string) => {
  const auth = { provider: "anthropic", credentials: { apiKey: ownKey }, baseUrl: own.origin };
  return gateway.api("POST", `/agents/${id}/onboard`, { steps: ["auth"], auth }, on.key);
};

test(
  "while OpenClaw cannot take up the keys that agents were given, they are not said to be theirs, and then it is asked again",
  async () => {
    await edit((config) => {
      const workspace = (name: string) => join(gateway.stateDir, "by-hand", name);
      const entries = ids.map((name) => [name, { name, workspace: workspace(name), model: "shared/claude-z" }]);
      config.agents = { ownership: "explicit", entries: { main: {}, ...Object.fromEntries(entries) } };
    });
    while ((await gateway.api("GET", "/agents/idle")).status !== 200) await sleep(200);
    let end = () => {};
    shared.behave({
      until: new Promise<void>((resolve) => {
        end = resolve;
      }),
    });
    const underWay = gateway.turn("busy", "under way");
    await expect.poll(() => shared.seen.length, { timeout: 180_000 }).toBeGreaterThan(0);
    const underWaySeen = shared.seen.length;
    // OpenClaw would have to replace plugins that the turn works with, now and with each reload until it has ended.
    await edit((config) => {
      const { entries, ...more } = config.plugins as { entries: Record<string, object> };
      const changed = { hooks: { allowPromptInjection: false } };
      config.plugins = { ...more, entries: { ...entries, browser: changed, "memory-core": changed } };
    });
    const answers = await Promise.all(ids.map(onboard));
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(ids.map(() => [502, "gateway_failed"]));
    end();
    await underWay;
    // Nobody but the gateway's own plugin asks for it again.
    const isLate = async () => JSON.stringify((await gateway.api("GET", "/agents/idle")).body.health);
    await expect.poll(isLate, { timeout: 180_000, interval: 1_000 }).not.toMatch(/has not taken up/);
    expect((await onboard("idle")).status).toBe(200);
    for (const id of ids) expect([id, (await gateway.turn(id, "with its own key")).status]).toEqual([id, 200]);
    expect(shared.seen.length).toBe(underWaySeen);
    expect(own.seen.slice(-ids.length).map(({ headers }) => headers["x-api-key"])).toEqual(ids.map(() => ownKey));
  },
  longMs,
);
