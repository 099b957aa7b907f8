import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createJsonLog } from "../../../adapters/node/json-log.ts";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { decodedFully } from "../../../src/domain/key-shapes.ts";
import { Problem } from "../../../src/errors.ts";

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

it("no key that is in an address or a header comes into the log, however it is spelled", async () => {
  const lines: string[] = [];
  const log = createJsonLog("debug", (line) => void lines.push(line));
  const settings = readNodeSettings({ OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token });
  settings.settings.provisioning.enabled = true;
  const logging = createApp({ ...node.ports, log }, settings.settings);
  const keys = [
    "sk-ant-api03-NotARealKeyNotARealKey0000000000",
    "sk-NotARealKey0NotARealKey0NotARealKey0NotARe",
    "AIzaNotARealKey0NotARealKey0NotARealKey",
    "ocp_0000000000000000_000000000000000000000000000000notreal",
    "gsk_0NotARealKey0NotARealKey0NotARealKey0",
  ];
  for (const key of keys) {
    const encoded = [...key].map((one) => `%${one.charCodeAt(0).toString(16)}`).join("");
    for (const spelling of [key, key.toLowerCase(), encoded, encoded.replaceAll("%", "%25"), `%ff${encoded}`]) {
      for (const path of [`/api/v1/agents/${spelling}`, `/${spelling}`, `/api/v1/agents?cursor=${spelling}`]) {
        for (const authorization of [`Bearer ${token}`, `Bearer ${key}`]) {
          const headers = { authorization, "x-request-id": key, "user-agent": key, referer: `http://h/${key}` };
          await logging.fetch(new Request(`http://h${path}`, { headers }));
        }
      }
    }
  }
  const written = lines.join("").toLowerCase();
  expect(lines.length).toBeGreaterThan(20);
  for (const key of keys) {
    expect(written).not.toContain(key.slice(8, -2).toLowerCase());
    // Nor in a spelling from which anybody reads it.
    expect(decodedFully(written)).not.toContain(key.slice(8, -2).toLowerCase());
  }
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
