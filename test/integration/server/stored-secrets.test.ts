import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createClient } from "../../../src/client/client.ts";
import { hasRedis, startRedis } from "../../redis-server.ts";
import { runBundle } from "../../run-bundle.ts";
import { runHere } from "../../run-here.ts";
import { sampleSealKey } from "../../sample-seal-key.ts";
import { adminToken, makeStateDir, startServerProcess, token } from "../../server-process.ts";

describe("stored secrets", () => {
  let stateDir: string;
  let upstream: Server;
  let upstreamUrl: string;
  /** The master keys that the provider was sent, in order. */
  let presented: string[];

  beforeEach(async () => {
    presented = [];
    upstream = createServer((request, response) => {
      presented.push(String(request.headers.authorization).replace("Bearer ", ""));
      request.resume().on("end", () => {
        response.setHeader("content-type", "application/json");
        response.end(
          JSON.stringify({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }),
        );
      });
    });
    await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`;
    stateDir = await makeStateDir();
  });
  afterEach(() => {
    upstream.closeAllConnections();
    upstream.close();
    rmSync(stateDir, { recursive: true, force: true });
  });

  const cli = (args: string[], env: Record<string, string> = {}, stdin = "") =>
    runHere(["provisioning", ...args], { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token, ...env }, stdin);
  const serve = (env: Record<string, string> = {}) =>
    runBundle(["serve"], {
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_GATEWAY_TOKEN: token,
      OPENCLAW_GATEWAY_PORT: "0",
      ...env,
    });

  async function addProvider(name = "Master", env: Record<string, string> = {}) {
    const args = ["ai-providers", "add", "--provider", "custom", "--slug", "local", "--name", name, "--no-verify"];
    const added = await cli([...args, "--base-url", upstreamUrl, "--key", "-", "--json"], env, "first-key-not-real");
    return added.exitCode === 0 ? (JSON.parse(added.stdout) as { id: string }).id : added.stderr;
  }

  it("that do not open refuse the start, and doctor names them, whatever key is there instead", async () => {
    const id = await addProvider("Master", { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(1) });
    const { exitCode, stderr } = await serve({ OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(2) });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error: AI provider "Master": .* sealed under the seal key \S+ .* has the seal key \S+\./);
    expect(stderr).toContain(`provisioning ai-providers rotate ${id} --key -`);
    const doctor = await cli(["doctor"], { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(2) });
    expect(doctor.exitCode).toBe(1);
    expect(doctor.stderr).toContain("secrets");

    // The remedy is a remedy: the provider's key is stored anew, under the key that is there.
    const env = { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(2) };
    const rotated = await cli(["ai-providers", "rotate", id, "--key", "-", "--no-verify"], env, "second-key-not-real");
    expect(rotated).toMatchObject({ exitCode: 0 });
    const server = await startServerProcess(stateDir, env);
    expect(await server.stop()).toBe(0);
  });

  it("that a service account has beside its key are stored anew by the remedy that is named", async () => {
    const file = join(stateDir, "account.json");
    const account = { type: "service_account", client_email: "a@example.org", private_key: "not-a-real-key" };
    writeFileSync(file, JSON.stringify(account));
    const given = ["--key", "-", "--credentials", file, "--no-verify"];
    const args = ["ai-providers", "add", "--provider", "gemini", "--name", "G", "--project", "p", "--json", ...given];
    const added = await cli(args, { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(1) }, "first-key-not-real");
    const { id } = JSON.parse(added.stdout) as { id: string };
    const env = { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(2) };
    const { stderr } = await serve(env);
    expect(stderr).toContain(`\`provisioning ai-providers rotate ${id} --key - --credentials <file>\``);
    await cli(["ai-providers", "rotate", id, ...given], env, "second-key-not-real");
    expect((await cli(["doctor"], env)).stdout).toMatch(/ok +secrets +all open/);
  });

  it("keep a new seal key from being made in place of the one that is gone", async () => {
    await addProvider();
    const path = join(stateDir, "provisioning", "seal.key");
    renameSync(path, `${path}.away`);
    const { exitCode, stderr } = await serve();
    expect(exitCode).toBe(1);
    expect(stderr).toContain("provisioning/seal.key is gone, and provisioning/ai-providers.json holds secrets");
    expect((await cli(["ai-providers", "list"])).exitCode).toBe(1);
    renameSync(`${path}.away`, path);
    expect((await cli(["ai-providers", "list"])).exitCode).toBe(0);
  });

  it("open under a seal key with white space around it", async () => {
    await addProvider("Master", { OPENCLAW_PROVISIONING_SEAL_KEY: ` ${sampleSealKey(1)}\n` });
    const server = await startServerProcess(stateDir, { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(1) });
    expect(await server.stop()).toBe(0);
  });

  it("are called by one name each", async () => {
    const id = await addProvider();
    expect(await addProvider()).toContain(`There is an AI provider "Master" (${id})`);
    await cli(["ai-providers", "revoke", id]);
    expect(await addProvider()).toMatch(/^[A-Za-z0-9]+$/);
  });

  it("are rotated and sealed anew under load, and no call fails", async () => {
    const id = await addProvider();
    const server = await startServerProcess(stateDir);
    const client = createClient({ url: server.origin, token, provisioningKey: adminToken });
    const { key: provisioningKey } = await client.agentKeys.create({
      name: "k",
      scopes: ["agents:create"],
      aiProviderKeyId: id,
    });
    const agents = createClient({ url: server.origin, token, provisioningKey });
    const made = await agents.agents.create({
      name: "a",
      autoProvisionAiKey: { provider: "local", quotas: { maxTokensPerMonth: 1_000_000_000 } },
      revealAiKey: true,
    });
    const call = async () => {
      const response = await fetch(`${made.aiKey?.baseUrl}/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${made.aiKey?.key}` },
        body: JSON.stringify({ model: "m", messages: [], max_tokens: 5 }),
      });
      await response.text();
      return response.status;
    };
    let over = false;
    const statuses = new Set<number>();
    const load = Array.from({ length: 4 }, async () => {
      while (!over) statuses.add(await call());
    });
    const keyFile = join(stateDir, "provisioning", "seal.key");
    const before = readFileSync(keyFile, "utf8");
    await client.aiProviders.rotate(id, { key: "second-key-not-real", verify: false });
    const morePresented = async () => {
      const now = presented.length;
      await expect.poll(() => presented.length, { timeout: 10_000 }).toBeGreaterThan(now + 8);
    };
    // Four calls were under way.
    await morePresented();
    const from = presented.length;
    await morePresented();
    expect(new Set(presented.slice(from))).toEqual(new Set(["second-key-not-real"]));

    const sealed = await cli(["seal", "rotate", "--json"]);
    expect(JSON.parse(sealed.stdout)).toMatchObject({ resealed: 1, sealKey: expect.any(String) });
    await morePresented();
    over = true;
    await Promise.all(load);
    expect([...statuses]).toEqual([200]);
    expect(readFileSync(keyFile, "utf8")).not.toContain(before.trim());
    expect(readFileSync(keyFile, "utf8").trim()).toHaveLength(43);
    expect(presented.length).toBeGreaterThan(20);
    // A key added now is sealed under the new key by the server that ran all the while.
    await client.aiProviders.add({
      provider: "custom",
      slug: "other",
      name: "Other",
      baseUrl: upstreamUrl,
      key: "third-key-not-real",
      verify: false,
    });
    expect(await server.stop()).toBe(0);
    expect((await cli(["doctor"])).stdout).toMatch(/ok +secrets +all open/);
    expect((await cli(["audit", "verify"])).exitCode).toBe(0);
  });

  it("are sealed anew from where a rotation broke off", async () => {
    await addProvider();
    const keyFile = join(stateDir, "provisioning", "seal.key");
    const old = readFileSync(keyFile, "utf8");
    writeFileSync(keyFile, `${sampleSealKey(9)}\n${old}`, { mode: 0o600 });
    const again = await cli(["seal", "rotate", "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ resealed: 1 });
    expect(readFileSync(keyFile, "utf8")).toBe(`${sampleSealKey(9)}\n`);
  });

  it("of a rotation with a grace are sealed anew with the rest, and gone at the first one after the grace", async () => {
    const id = await addProvider();
    const rotate = (...grace: string[]) =>
      cli(["ai-providers", "rotate", id, "--key", "-", "--no-verify", ...grace], {}, "second-key-not-real");
    expect(await rotate("--grace", "1h")).toMatchObject({ exitCode: 0 });
    expect(JSON.parse((await cli(["seal", "rotate", "--json"])).stdout)).toMatchObject({ resealed: 2 });
    expect(await rotate("--grace", "1s")).toMatchObject({ exitCode: 0 });
    expect(await rotate()).toMatchObject({ exitCode: 0 });
    expect(JSON.parse((await cli(["seal", "rotate", "--json"])).stdout)).toMatchObject({ resealed: 1 });
    expect(readFileSync(join(stateDir, "provisioning", "ai-providers.json"), "utf8")).not.toContain("previous");
    expect((await cli(["doctor"])).stdout).toMatch(/ok +secrets +all open/);
  });

  it("of a revoked provider keep no rotation from its end, though no seal key opens them", async () => {
    const gone = await addProvider("Gone");
    const keyFile = join(stateDir, "provisioning", "seal.key");
    // The seal key was lost, and the remedies were followed: what is revoked has none.
    writeFileSync(keyFile, `${sampleSealKey(3)}\n`, { mode: 0o600 });
    expect(await cli(["ai-providers", "revoke", gone])).toMatchObject({ exitCode: 0 });
    await addProvider("In use");
    expect((await cli(["doctor"])).stdout).toMatch(/ok +secrets +all open/);
    const rotated = await cli(["seal", "rotate", "--json"]);
    expect(rotated).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(rotated.stdout)).toMatchObject({ resealed: 1 });
    expect(readFileSync(keyFile, "utf8").trim().split("\n")).toHaveLength(1);
  });

  it("under keys of the environment need the new one beside the old", async () => {
    await addProvider("Master", { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(1) });
    const alone = await cli(["seal", "rotate"], { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(1) });
    expect(alone.stderr).toContain("put a new one in front of it");
    const both = `${sampleSealKey(2)},${sampleSealKey(1)}`;
    const rotated = await cli(["seal", "rotate"], { OPENCLAW_PROVISIONING_SEAL_KEY: both });
    expect(rotated.stdout).toContain("Take the older key out of OPENCLAW_PROVISIONING_SEAL_KEY");
    const server = await startServerProcess(stateDir, { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(2) });
    expect(await server.stop()).toBe(0);
  });

  it("of config.json keep the older key until they are sealed anew", async () => {
    const seal = async () => (await cli(["seal"], {}, "token-not-a-real-secret")).stdout.trim();
    const settings = (sealed: string) => {
      const gateways = [{ id: "gw1", url: "http://127.0.0.1:1", token: sealed, key: sealed }];
      const provisioning = { enabled: true, host: { kind: "remote", gateways } };
      writeFileSync(join(stateDir, "config.json"), JSON.stringify({ gateway: { provisioning } }), { mode: 0o600 });
    };
    settings(await seal());
    expect((await cli(["seal", "rotate"])).stdout).toContain('config.json\'s secrets of the gateway "gw1"');
    settings(await seal());
    expect((await cli(["seal", "rotate"])).stdout).toContain("The older key opens nothing any more");
    expect((await cli(["agent-keys", "list"])).exitCode).toBe(0);
  });

  const webhookSettings = (secret: string) => {
    const webhooks = { endpoints: [{ url: "https://hooks.example.org/openclaw", secret }] };
    const text = JSON.stringify({ gateway: { provisioning: { enabled: true, webhooks } } });
    writeFileSync(join(stateDir, "config.json"), text, { mode: 0o600 });
  };
  const signing = `whsec_${Buffer.alloc(32, 5).toString("base64")}`;

  it("of config.json's webhooks keep the older key until they are sealed anew", async () => {
    webhookSettings((await cli(["seal"], {}, signing)).stdout.trim());
    expect((await cli(["webhooks", "list"])).stdout).toContain("hooks.example.org");
    const rotated = await cli(["seal", "rotate"]);
    expect((await cli(["webhooks", "list"])).stdout).toContain("hooks.example.org");
    expect(rotated.stdout).toContain("config.json's secrets of the webhook https://hooks.example.org");
    webhookSettings((await cli(["seal"], {}, signing)).stdout.trim());
    expect((await cli(["seal", "rotate"])).stdout).toContain("The older key opens nothing any more");
  });

  it("of config.json are told of before the older key of the environment is taken out", async () => {
    const older = { OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(1) };
    const both = { OPENCLAW_PROVISIONING_SEAL_KEY: `${sampleSealKey(2)},${sampleSealKey(1)}` };
    webhookSettings((await cli(["seal"], older, signing)).stdout.trim());
    const rotated = await cli(["seal", "rotate"], both);
    expect(rotated.stdout).not.toContain("Take the older key out");
    expect(rotated.stdout).toContain("config.json's secrets of the webhook https://hooks.example.org");
    webhookSettings((await cli(["seal"], both, signing)).stdout.trim());
    expect((await cli(["seal", "rotate"], both)).stdout).toContain("Take the older key out");
  });

  it.skipIf(!hasRedis)("on one Redis are under one key, and an instance with another is refused", async () => {
    const redis = await startRedis();
    try {
      const env = (byte: number) => ({
        OPENCLAW_PROVISIONING_STORAGE: redis.url,
        OPENCLAW_PROVISIONING_SEAL_KEY: sampleSealKey(byte),
      });
      const first = await startServerProcess(stateDir, env(1));
      const refused = await serve(env(2));
      expect(refused.exitCode).toBe(1);
      expect(refused.stderr).toMatch(/^error: this instance's seal key \(\S+\) is not the one of the other instances/);
      const both = { ...env(1), OPENCLAW_PROVISIONING_SEAL_KEY: `${sampleSealKey(2)},${sampleSealKey(1)}` };
      expect((await cli(["seal", "rotate"], both)).exitCode).toBe(0);
      expect(await first.stop()).toBe(0);
      const second = await startServerProcess(stateDir, env(2));
      expect(await second.stop()).toBe(0);
    } finally {
      await redis.dispose();
    }
  });
});
