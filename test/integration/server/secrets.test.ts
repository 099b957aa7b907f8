import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createClient } from "../../../src/client/client.ts";
import { meteredBody } from "../../metered-agent.ts";
import { runBundle } from "../../run-bundle.ts";
import { adminClient, adminToken, keyedClient, makeStateDir, startServerProcess, token } from "../../server-process.ts";
import { startSampleUpstream } from "../../upstream/sample-upstream.ts";

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

it("no secret of a whole session is in the log, the trail, the store or the metrics, and the log is JSON lines only", async () => {
  const stateDir = await makeStateDir();
  const config = JSON.parse(readFileSync(join(stateDir, "config.json"), "utf8"));
  writeFileSync(join(stateDir, "config.json"), JSON.stringify({ ...config, logging: { level: "debug" } }));
  const upstream = await startSampleUpstream();
  const server = await startServerProcess(stateDir);
  const admin = adminClient(server.origin);
  // Not in any known maker's shape: what hides it must not be its looks.
  const masterKey = "plain-master-not-a-real-key";
  const onboardKey = "plain-onboard-not-a-real-key";
  const createKey = "plain-create-not-a-real-key";
  const bulkKey = "plain-bulk-not-a-real-key";
  const wrongToken = "almost-the-gateway-token";
  const secrets: Record<string, string> = { token, adminToken, masterKey, onboardKey, createKey, bulkKey, wrongToken };

  const provider = await admin.aiProviders.add({
    provider: "anthropic",
    name: "Sample",
    key: masterKey,
    baseUrl: upstream.origin,
    verify: false,
  });
  const { client, key } = await keyedClient(server.origin, { aiProviderKeyId: provider.id });
  secrets.provisioningKey = key;
  const { keys } = await admin.agentKeys.list();
  const { aiKey } = await client.agents.create(
    { name: "Secretive", autoProvisionAiKey: { provider: "anthropic" }, revealAiKey: true },
    { idempotencyKey: "once" },
  );
  secrets.aiKey = aiKey!.key!;
  const proxied = async (headers: Record<string, string>, path = "/v1/messages") => {
    const response = await fetch(`${server.origin}/proxy/anthropic${path}`, {
      method: "POST",
      headers,
      body: meteredBody,
    });
    await response.arrayBuffer();
    return response.status;
  };
  const version = { "anthropic-version": "2023-06-01" };
  expect(await proxied({ "x-api-key": secrets.aiKey, ...version })).toBe(200);
  // An upstream that repeats the key it was given.
  upstream.behave({
    status: 401,
    errorBody: JSON.stringify({ error: { message: `invalid x-api-key: ${masterKey}` } }),
  });
  await proxied({ "x-api-key": secrets.aiKey, ...version });
  upstream.behave({ ...({ status: undefined } as const), cut: "in the middle" });
  await proxied({ "x-api-key": secrets.aiKey, ...version }).catch(() => 0);
  upstream.behave("reset");
  await proxied({ "x-api-key": `${secrets.aiKey}x` });
  await proxied({}, `/v1/messages?key=${secrets.aiKey}`);

  const rotated = await client.agents.rotateAiKey("secretive", { revealAiKey: true });
  secrets.rotatedAiKey = rotated.aiKey.key!;
  await client.agents.onboard("secretive", {
    steps: ["auth"],
    auth: { provider: "openai", credentials: { apiKey: onboardKey } },
  });
  const authOf = (apiKey: string) => ({ provider: "openai", credentials: { apiKey } });
  const given = { name: "given", auth: authOf(createKey) };
  await client.agents.create(given, { idempotencyKey: "given" });
  await client.agents.create({ ...given, name: "accepted" }, { respondAsync: true });
  const elsewhere = { ...given, name: "refused", gateway: "nowhere" };
  await expect(client.agents.create(elsewhere)).rejects.toMatchObject({ code: "gateway_not_found" });
  const many = [
    { name: "bulk", auth: authOf(bulkKey) },
    { name: "main", auth: authOf(bulkKey) },
  ];
  await client.agents.createMany({ agents: many }, { idempotencyKey: "many" });
  await client.agents.suspend("secretive");
  await client.agents.update("secretive", { quotas: { maxTokensPerDay: 5 } });

  // Failures of every kind, with the secrets where a careless client puts them.
  const ask = async (path: string, headers: Record<string, string>, init: RequestInit = {}) =>
    await (await fetch(server.origin + path, { ...init, headers })).text();
  const bearer = { authorization: `Bearer ${token}` };
  await ask("/api/v1/agents", { authorization: `Bearer ${wrongToken}` });
  await ask("/api/v1/agents", { authorization: `Basic ${wrongToken}` });
  await ask("/api/v1/agents", { ...bearer, "x-request-id": key });
  await ask(`/api/v1/agents?token=${token}&key=${key}`, bearer);
  await ask(`/api/v1/agents/${key}`, bearer);
  await ask(`/api/v1/agents/${secrets.aiKey}`, bearer);
  await ask("/api/v1/agents/create", { ...bearer, "x-agent-provisioning-key": `${key}x` }, { method: "POST" });
  await ask(
    "/api/v1/agents/create",
    { ...bearer, "x-agent-provisioning-key": key },
    { method: "POST", body: `{"name": ${masterKey}` },
  );
  await ask(
    "/api/v1/agents/create",
    { ...bearer, "x-agent-provisioning-key": key },
    { method: "POST", body: JSON.stringify({ name: 5, key: masterKey }) },
  );
  await ask(
    "/api/v1/provisioning/ai-providers",
    { ...bearer, "x-agent-provisioning-key": adminToken },
    { method: "POST", body: JSON.stringify({ provider: "nowhere", name: "x", key: masterKey }) },
  );

  secrets.rotatedKey = (await admin.agentKeys.rotate(keys[0]!.id)).key;
  // The command line, too, beside the running server.
  const cli = { OPENCLAW_STATE_DIR: stateDir };
  const added = await runBundle(
    ["provisioning", "ai-providers", "add", "--provider", "openai", "--name", "CLI", "--key", "-", "--no-verify"],
    cli,
    masterKey,
  );
  const listed = await runBundle(["provisioning", "ai-providers", "list", "--json"], cli);
  const refused = await runBundle(
    ["provisioning", "ai-providers", "add", "--provider", "nowhere", "--name", "CLI", "--key", "-"],
    cli,
    masterKey,
  );
  expect([added.exitCode, listed.exitCode, refused.exitCode]).toEqual([0, 0, 1]);
  for (const ran of [added, listed, refused]) expect(ran.stdout + ran.stderr).not.toContain(masterKey);

  const metrics = await ask("/metrics", bearer);
  const trail = JSON.stringify(await admin.audit.list({ limit: 1000 }));
  await createClient({ url: server.origin, token, provisioningKey: secrets.rotatedKey }).agents.delete("secretive");
  expect(await server.stop()).toBe(0);
  await upstream.close();

  const lines = server.output().split("\n").filter(Boolean);
  expect(lines.length).toBeGreaterThan(20);
  for (const line of lines)
    expect(JSON.parse(line)).toMatchObject({ time: expect.any(String), level: expect.any(String) });
  const stored = filesIn(join(stateDir, "provisioning")).filter((path) => !path.endsWith("seal.key"));
  expect(stored.length).toBeGreaterThan(5);
  const places = [
    ["the log", server.output()],
    ["the metrics", metrics],
    ["the audit API", trail],
    ...stored.map((path) => [path.slice(stateDir.length), readFileSync(path, "latin1")]),
  ] as const;
  for (const [name, secret] of Object.entries(secrets)) {
    expect(secret.length).toBeGreaterThan(8);
    for (const [place, text] of places) expect(text.includes(secret), `${name} in ${place}`).toBe(false);
  }
  rmSync(stateDir, { recursive: true, force: true });
});
