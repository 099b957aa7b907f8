/** Creating, listing and getting agents over HTTP, against the bundle in a process of its own. */
import { hash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makePrivateDirectory, writePrivate } from "../adapters/node/files/atomic-write.ts";
import { equalDigests } from "../src/domain/constant-time.ts";
import { issueToken, newKeyId, parseToken } from "../src/domain/token.ts";
import { adminClient, keyedClient, makeStateDir, startServerProcess, token } from "../test/server-process.ts";
import { filesOfACreate } from "./files-of-a-create.ts";
import { median, type Row, sample } from "./row.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Global `fetch` would cost more than what is measured. */
function call(origin: string, method: string, path: string, key: string, body?: unknown): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      origin + path,
      { method, agent, headers: { authorization: `Bearer ${token}`, "x-agent-provisioning-key": key } },
      (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode!));
      },
    );
    sent.once("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function atOnce(count: number, concurrency: number, work: (at: number) => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (next < count) await work(next++);
    }),
  );
  return performance.now() - startedAt;
}

export async function benchCreate(): Promise<Row[]> {
  const stateDir = await makeStateDir();
  const scratch = mkdtempSync(join(tmpdir(), "openclaw-bench-"));
  const server = await startServerProcess(stateDir);
  const files = await filesOfACreate(join(scratch, "files"));
  const rows: Row[] = [];
  try {
    const account = { provider: "anthropic", name: "bench", key: "sk-ant-not-a-real-key-0000", verify: false };
    const provider = await adminClient(server.origin).aiProviders.add(account);
    const { key } = await keyedClient(server.origin, { aiProviderKeyId: provider.id });
    let made = 0;
    const make = async (more: object) => {
      const body = { name: `bench-${made++}`, ...more };
      const status = await call(server.origin, "POST", "/api/v1/agents/create", key, body);
      if (status !== 201) throw new Error(`create answered ${status}`);
    };
    const create = () => make({});
    const createWithKey = () => make({ autoProvisionAiKey: { provider: "anthropic" } });
    await makePrivateDirectory(scratch);
    const text = "x".repeat(1024);
    let filed = 0;
    const bare = () => files.make(filed++);
    let written = 0;
    const write = () => writePrivate(join(scratch, `${written++}.json`), text);
    const get = (at: number) => call(server.origin, "GET", `/api/v1/agents/bench-${at % 100}`, key);
    const list = () => call(server.origin, "GET", "/api/v1/agents?limit=50", key);

    // Until the code is compiled, it is the compiler that is measured.
    await atOnce(600, 8, create);
    await atOnce(100, 8, createWithKey);
    // Interleaved: the machine's speed drifts.
    const [creates, keyedCreates, writes, bares] = [[] as number[], [] as number[], [] as number[], [] as number[]];
    for (let round = 0; round < 10; round++) {
      writes.push(...(await sample(40, write)));
      bares.push(...(await sample(40, bare)));
      creates.push(...(await sample(40, create)));
      keyedCreates.push(...(await sample(40, createWithKey)));
    }
    const one = median(writes);
    rows.push({ name: "one atomic private write, 1 KB, p50", value: one, unit: "ms" });
    const inWrites = (name: string, times: number[], aim?: string): Row => ({
      name: `${name}, c1, p50`,
      value: median(times),
      unit: "ms",
      ratio: median(times) / one,
      ...(aim !== undefined && { aim }),
    });
    rows.push(inWrites("the files of a create alone", bares));
    rows.push(inWrites("create", creates, "<= 4 x a write"));
    rows.push(inWrites("create with an AI key", keyedCreates));
    const small = {
      create: median(creates),
      get: median(await sample(300, get)),
      list: median(await sample(300, list)),
    };

    const batch = 500;
    const [rates, bareRates] = [[] as number[], [] as number[]];
    for (let round = 0; round < 4; round++) {
      bareRates.push((batch / (await atOnce(batch, 64, bare))) * 1000);
      rates.push((batch / (await atOnce(batch, 64, create))) * 1000);
    }
    rows.push({ name: "the files of a create alone, c64", value: median(bareRates), unit: "/s" });
    const ofBare = median(rates) / median(bareRates);
    rows.push({ name: "create, c64", value: median(rates), unit: "/s", ratio: ofBare, aim: ">= 1500" });
    await atOnce(Math.max(0, 10_000 - made), 64, create);
    await sample(50, list);
    const large = {
      create: median(await sample(300, create)),
      get: median(await sample(300, get)),
      list: median(await sample(300, list)),
    };
    for (const name of ["create", "get", "list"] as const) {
      rows.push({
        name: `${name} at 10,000 agents, p50`,
        value: large[name],
        unit: "ms",
        ratio: large[name] / small[name],
        aim: "<= 1.3 x at 100",
      });
    }
  } finally {
    await server.stop();
    files.close();
    rmSync(stateDir, { recursive: true, force: true });
    rmSync(scratch, { recursive: true, force: true });
  }
  rows.push(verification());
  return rows;
}

/** Parse with checksum, hash, look up, compare: what stands between a key and its caller. */
function verification(): Row {
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const keys = Array.from({ length: 10_000 }, () => {
    const id = newKeyId(random);
    return { id, key: issueToken("ocp", id, random) };
  });
  const known = new Map(keys.map(({ id, key }) => [id, hash("sha256", key, "hex")]));
  const times: number[] = [];
  for (let round = 0; round < 20; round++) {
    const startedAt = performance.now();
    for (const { key } of keys) {
      const parsed = parseToken(key, "ocp");
      if (!parsed || !equalDigests(hash("sha256", key, "hex"), known.get(parsed.keyId)!))
        throw new Error("not verified");
    }
    times.push(((performance.now() - startedAt) / keys.length) * 1000);
  }
  return { name: "key verification among 10,000", value: median(times), unit: "us", aim: "<= 1" };
}
