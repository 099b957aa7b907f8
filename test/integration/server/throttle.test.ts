import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { issueToken, newKeyId } from "../../../src/domain/token.ts";
import { keyedClient, makeStateDir, type ServerProcess, startServerProcess, token } from "../../server-process.ts";

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

async function failing(server: ServerProcess, count: number, headers: () => Record<string, string>) {
  const statuses: Record<number, number> = {};
  let last: Response | undefined;
  for (let sent = 0; sent < count; sent += 20) {
    const batch = Array.from({ length: Math.min(20, count - sent) }, async () => {
      last = await fetch(`${server.origin}/api/v1/agents/create`, { method: "POST", headers: headers(), body: "{}" });
      await last.arrayBuffer();
      statuses[last.status] = (statuses[last.status] ?? 0) + 1;
    });
    await Promise.all(batch);
  }
  return { statuses, last: last! };
}

describe("by default", () => {
  let stateDir: string;
  let server: ServerProcess;
  let key: string;
  beforeAll(async () => {
    stateDir = await makeStateDir();
    server = await startServerProcess(stateDir);
    ({ key } = await keyedClient(server.origin));
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
    rmSync(stateDir, { recursive: true, force: true });
  });

  it("300 failures of a minute are told what they are, further ones when to come back; the right credential passes", async () => {
    // Wrong tokens and wrong keys count together; what the client says of its address does not matter.
    let client = 0;
    const wrongToken = () => ({ authorization: "Bearer wrong", "x-forwarded-for": `203.0.113.${client++ % 250}` });
    const wrongKey = () => ({
      authorization: `Bearer ${token}`,
      "x-agent-provisioning-key": issueToken("ocp", newKeyId(random), random),
    });
    expect((await failing(server, 200, wrongToken)).statuses).toEqual({ 401: 200 });
    expect((await failing(server, 100, wrongKey)).statuses).toEqual({ 401: 100 });

    for (const headers of [wrongToken, wrongKey, () => ({})]) {
      const { statuses, last } = await failing(server, 5, headers);
      expect(statuses).toEqual({ 429: 5 });
      const seconds = Number(last.headers.get("retry-after"));
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThanOrEqual(60);
    }
    const right = () => ({ authorization: `Bearer ${token}`, "x-agent-provisioning-key": key });
    expect((await failing(server, 40, right)).statuses).toEqual({ 400: 40 });
    for (const path of ["/healthz", "/readyz"]) expect((await fetch(server.origin + path)).status).toBe(200);
  });
});

describe("behind a trusted proxy", () => {
  it("each client has its own count, by the hop that the proxy saw", async () => {
    const stateDir = await makeStateDir({ authFailuresPerMinute: 3, trustedProxies: ["127.0.0.1"] });
    const server = await startServerProcess(stateDir);
    const from = (forwarded: string) => failing(server, 4, () => ({ "x-forwarded-for": forwarded }));
    expect((await from("203.0.113.1")).statuses).toEqual({ 401: 3, 429: 1 });
    expect((await from("203.0.113.2")).statuses).toEqual({ 401: 3, 429: 1 });
    // Invented hops in front change nothing, and neither does one's own network of IPv6 addresses.
    expect((await from("198.51.100.9, 203.0.113.1")).statuses).toEqual({ 429: 4 });
    expect((await from("2001:db8:1:2::1")).statuses).toEqual({ 401: 3, 429: 1 });
    expect((await from("2001:db8:1:2:ffff::9")).statuses).toEqual({ 429: 4 });
    expect(await server.stop()).toBe(0);
    rmSync(stateDir, { recursive: true, force: true });
  });
});
