/**
 * Run by stopped-processes.test.ts in a process of its own: makes one agent in the state directory given, and stops by
 * SIGSTOP at the fsync whose number is given, in the middle of it. Says what came of it when it is woken.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const [stateDir = "", stopAt, leaseMs, body = ""] = process.argv.slice(2);
const real = fs.fsync;
let calls = Number.NEGATIVE_INFINITY;
Object.assign(fs, {
  fsync: (...args: Parameters<typeof real>) => {
    if (++calls === Number(stopAt)) process.kill(process.pid, "SIGSTOP");
    return real(...args);
  },
});
syncBuiltinESMExports();

// Only now, since they keep the function that they find.
const { readNodeSettings } = await import("../../../adapters/node/node-settings.ts");
const { openNode } = await import("../../../adapters/node/open-node.ts");
const { createApp } = await import("../../../src/app.ts");
const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
const settings = readNodeSettings(env);
const node = await openNode(settings, { env, log: () => undefined });
const instance = { ...node.ports.instance, leaseMs: Number(leaseMs) };
const app = createApp({ ...node.ports, instance }, settings.settings);

calls = 0;
const response = await app.fetchAsOperator(
  new Request("http://localhost/api/v1/agents/create", { method: "POST", body }),
);
calls = Number.NEGATIVE_INFINITY;
process.stdout.write(`${response.status} ${await response.text()}`);
await node.close();
