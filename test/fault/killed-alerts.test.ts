import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, expect, it } from "vitest";
import { freePort } from "../free-port.ts";
import { answering, webhookReceiver } from "../webhook-receiver.ts";

const secret = `whsec_${Buffer.alloc(32, 3).toString("base64")}`;
const bundle = join(import.meta.dirname, "../../dist/index.js");
const child = join(import.meta.dirname, "children/pass-threshold.ts");

let stateDir: string;
let receiver: Awaited<ReturnType<typeof webhookReceiver>>;
let running: ChildProcess[];

beforeEach(async () => {
  running = [];
  receiver = await webhookReceiver();
  stateDir = mkdtempSync(join(tmpdir(), "killed-alerts-"));
  const webhooks = { allow: [receiver.entry], endpoints: [{ url: receiver.url, secret }] };
  const config = { gateway: { provisioning: { enabled: true, webhooks } } };
  writeFileSync(join(stateDir, "config.json"), JSON.stringify(config), { mode: 0o600 });
});
afterEach(async () => {
  for (const one of running) one.kill("SIGKILL");
  await receiver.close();
  rmSync(stateDir, { recursive: true, force: true });
});

function start(args: string[], env: Record<string, string> = {}): ChildProcess {
  const started = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(started);
  return started;
}

async function kill(one: ChildProcess): Promise<void> {
  one.kill("SIGKILL");
  if (one.exitCode === null && one.signalCode === null) await once(one, "exit");
}

async function serve(): Promise<ChildProcess> {
  const port = await freePort();
  const server = start([bundle], {
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_TOKEN: "test-gateway-token-0000",
    OPENCLAW_GATEWAY_PORT: String(port),
  });
  const ready = async () => (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.status;
  await expect.poll(ready, { timeout: 20_000 }).toBe(200);
  return server;
}

it("an alert whose process is killed between commit and send arrives, under one id however often", {
  timeout: 120_000,
}, async () => {
  // The server makes the store; then it stands still.
  await kill(await serve());
  const charging = start([child, join(stateDir, "provisioning", "ledger.sqlite")]);
  await once(charging.stdout!, "data");
  await kill(charging);
  expect(receiver.received).toEqual([]);

  // Killed in the middle of its first attempt, a server has told nobody that it made one.
  receiver.answer(() => undefined);
  const first = await serve();
  await expect.poll(() => receiver.received.length, { timeout: 20_000 }).toBe(1);
  await kill(first);
  receiver.answer(answering(204));
  const second = await serve();
  // A delivery that the dead process had taken is another's when its lease ends.
  await expect.poll(() => receiver.received.length, { timeout: 90_000, interval: 500 }).toBe(2);
  await sleep(2_000);
  expect(receiver.received).toHaveLength(2);
  expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  const { headers, body } = receiver.received[1]!;
  expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toMatchObject({
    type: "quota.threshold_reached",
    data: { keyId: "killed", quota: "maxTokensPerMonth", percent: 80, limit: 100, used: 90, left: 10 },
  });
  await kill(second);
});
