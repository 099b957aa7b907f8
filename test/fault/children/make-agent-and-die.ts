/**
 * Run by directory-host.test.ts in a process of its own: makes one agent in the state directory given, and dies by
 * SIGKILL at the file system call whose number is given.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { openDirectoryHost } from "../../../adapters/node/directory-host/directory-host.ts";
import { changingCalls } from "./changing-calls.ts";

const [stateDir, home, fatal] = process.argv.slice(2) as [string, string, string];
const host = openDirectoryHost({ stateDir, home });
let calls = 0;
for (const name of changingCalls) {
  const real = fs[name] as (...args: unknown[]) => unknown;
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      if (++calls === Number(fatal)) process.kill(process.pid, "SIGKILL");
      return real(...args);
    },
  });
}
syncBuiltinESMExports();
await host.create({
  agentId: "my-agent",
  name: "My Agent",
  bindings: ["telegram:*"],
  skipBootstrap: false,
  awaitReady: true,
  credential: { provider: "anthropic", apiKey: "sk-test-not-a-real-key", metered: true },
  operationId: "op-1",
});
process.stdout.write("made");
