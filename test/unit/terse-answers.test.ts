import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../adapters/node/open-node.ts";
import { type App, createApp } from "../../src/app.ts";
import { Problem } from "../../src/errors.ts";

let stateDir: string;
let node: NodePorts;
let app: App;
let logged: string[];
const token = "a-gateway-token-for-tests";

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), "terse-"));
  logged = [];
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token, OPENCLAW_PROVISIONING_ENABLED: "true" };
  const settings = readNodeSettings(env);
  const log = (_: string, message: string, fields?: object) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  node = await openNode(settings, { env, log });
  app = createApp({ ...node.ports, log }, settings.settings);
});
afterEach(async () => {
  await node.close();
  rmSync(stateDir, { recursive: true, force: true });
});

const ask = async (path: string, authorization?: string) => {
  const response = await app.fetch(new Request(`http://h${path}`, { headers: authorization ? { authorization } : {} }));
  return { status: response.status, text: await response.text() };
};

/** The store is damaged in a way whose message names a file. */
const breakStore = () => writeFileSync(join(stateDir, "provisioning", "keys.json"), "{", { mode: 0o600 });

it("an unauthenticated /readyz names no file and no user; with the gateway token it says what is wrong", async () => {
  expect((await ask("/readyz")).status).toBe(200);
  for (const spoil of [breakStore, () => chmodSync(join(stateDir, "provisioning", "keys.json"), 0o644)]) {
    spoil();
    const stranger = await ask("/readyz");
    expect(stranger.status).toBe(503);
    expect(stranger.text).toContain("store_unreadable");
    expect(stranger.text).not.toMatch(/keys\.json|provisioning\/|uid|chmod|terse-|0?644|parse/i);
    expect(logged.join("\n")).toContain("keys.json");
    const operator = await ask("/readyz", `Bearer ${token}`);
    expect([operator.status, operator.text]).toEqual([503, expect.stringContaining("keys.json")]);
    expect((await ask("/readyz", "Bearer wrong")).status).toBe(401);
  }
});

it("says that changes are still being settled, to anybody only that it is not ready", async () => {
  app.holdReadiness(async () => false);
  expect((await ask("/readyz")).text).not.toContain("interrupted");
  expect((await ask("/readyz", `Bearer ${token}`)).text).toContain("interrupted");
});

it("no other answer to somebody without a credential tells of files and users either", async () => {
  node.ports.ledger.take = async () => {
    throw new Problem("store_unwritable", "/srv/state/provisioning/ledger.sqlite belongs to another user (uid 1000)");
  };
  for (const authorization of [undefined, "Bearer wrong"]) {
    const { status, text } = await ask("/api/v1/agents", authorization);
    expect(status).toBe(503);
    expect(text).not.toMatch(/ledger|uid|srv/);
  }
  expect(logged.join("\n")).toContain("ledger.sqlite");
});
