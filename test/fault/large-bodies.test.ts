import { existsSync, readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { meteredCall, meteredClient } from "../metered-agent.ts";
import { type RawConnection, rawConnection, statusesIn } from "../raw-http.ts";
import { keyedClient, makeStateDir, type ServerProcess, startServerProcess, token } from "../server-process.ts";
import { type SampleUpstream, startSampleUpstream } from "../upstream/sample-upstream.ts";

const mebibyte = 1_048_576;
const status = (pid: number) => `/proc/${pid}/status`;
const readsMemory = existsSync(status(process.pid));

let upstream: SampleUpstream;
let stateDir: string;
let server: ServerProcess;
let aiKeys: string[];
beforeAll(async () => {
  upstream = await startSampleUpstream({ keepSeen: false });
  stateDir = await makeStateDir();
  server = await startServerProcess(stateDir);
  const { client } = await meteredClient(server, upstream);
  const made = await Promise.all(
    ["greedy", "other"].map((name) =>
      client.agents.create({ name, autoProvisionAiKey: { provider: "anthropic" }, revealAiKey: true }),
    ),
  );
  aiKeys = made.map(({ aiKey }) => aiKey!.key!);
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
  rmSync(stateDir, { recursive: true, force: true });
});

/** Mebibytes: what is resident now, and the most that ever was. */
function memory(): { now: number; most: number } {
  const text = readFileSync(status(server.pid), "utf8");
  const read = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)![1]) / 1024;
  return { now: read("VmRSS"), most: read("VmHWM") };
}

const head = (key: string) =>
  `POST /proxy/anthropic/v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ntransfer-encoding: chunked\r\n\r\n`;

if (!readsMemory) console.warn("no /proc here: the memory of a server under large bodies is not measured");

it.skipIf(!readsMemory)("one key's large bodies take neither the memory nor the time of the others", async () => {
  const [greedy, other] = aiKeys as [string, string];
  expect(await meteredCall(server.origin, other)).toBe(200);
  const before = memory();

  // Six bodies of 32 MB that do not end: one fits into what a key may hold.
  const part = `${(31 * mebibyte).toString(16)}\r\n${" ".repeat(31 * mebibyte)}\r\n`;
  const parked: RawConnection[] = [];
  for (let at = 0; at < 6; at++) {
    const connection = await rawConnection(server.origin);
    parked.push(connection);
    await connection.send(head(greedy) + part);
  }
  expect(await meteredCall(server.origin, other)).toBe(200);
  const answers = parked.slice(1).map((connection) => connection.received(200));
  expect((await Promise.all(answers)).flatMap(statusesIn)).toEqual(Array(5).fill(503));
  expect(memory().now - before.now).toBeLessThan(150);

  // Bodies of a million and a half keys, two at a time.
  for (const { socket } of parked) socket.destroy();
  const bomb = `{${Array.from({ length: 1_500_000 }, (_, at) => `"${at.toString(36)}":1`)}}`;
  const ask = async () => {
    const init = { method: "POST", headers: { "x-api-key": greedy }, body: bomb };
    return (await fetch(`${server.origin}/proxy/anthropic/v1/messages`, init)).status;
  };
  const bombs = Array.from({ length: 2 }, ask);
  expect(await meteredCall(server.origin, other)).toBe(200);
  for (const answer of await Promise.all(bombs)) expect([413, 503]).toContain(answer);
  expect(memory().most - before.now).toBeLessThan(230);
});

it.skipIf(!readsMemory)("a body that comes in chunks of one byte takes hardly more memory than any other", async () => {
  const before = memory();
  const { send, socket, received } = await rawConnection(server.origin);
  await send(head(aiKeys[0]!) + "1\r\nx\r\n".repeat(500_000));
  await send("0\r\n\r\n");
  await new Promise((resolve) => socket.on("data", (text) => String(text).includes(" 400 ") && resolve(undefined)));
  expect(memory().now - before.now).toBeLessThan(80);
  socket.destroy();
  expect(statusesIn(await received())).toEqual([400]);
});

it.skipIf(!readsMemory)("a call's body in chunks of one byte takes hardly more memory either", async () => {
  const { key } = await keyedClient(server.origin);
  const before = memory();
  const { send, socket } = await rawConnection(server.origin);
  const answered = new Promise((resolve) => socket.once("data", (text) => resolve(statusesIn(String(text)))));
  const credentials = `authorization: Bearer ${token}\r\nx-agent-provisioning-key: ${key}`;
  await send(`POST /api/v1/agents/create HTTP/1.1\r\nhost: x\r\n${credentials}\r\ntransfer-encoding: chunked\r\n\r\n`);
  await send(`${"1\r\nx\r\n".repeat(1_000_000)}0\r\n\r\n`);
  expect(await answered).toEqual([400]);
  expect(memory().now - before.now).toBeLessThan(80);
  socket.destroy();
});
