/**
 * Run by directory-host.test.ts in a process of its own, under a user whom modes bind: makes an agent in the state
 * directory given, leaves it directories that may not be written to or not even be read, and removes it.
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDirectoryHost } from "../../../adapters/node/directory-host/directory-host.ts";

const [stateDir, home, uid, outside, own] = process.argv.slice(2) as [string, string, string, string, string];
const agent = { agentId: "my-agent", operationId: "op-1" };
const workspace = join(stateDir, "workspace-my-agent");
const sessions = join(stateDir, "agents/my-agent/sessions");
const everything = { workspace: true, sessions: true };

if (process.getuid!() === 0) {
  process.setgroups!([]);
  process.setegid!(Number(uid));
  process.seteuid!(Number(uid));
}
const host = openDirectoryHost({ stateDir, home });
await host.create({ ...agent, name: "My Agent", bindings: [], skipBootstrap: false, awaitReady: true });
const module = join(workspace, "go/pkg/mod/example.com@v1");
const unwritable = [module, join(module, ".."), join(sessions, "old")];
const unreadable = join(workspace, "closed");
for (const path of [...unwritable, unreadable]) mkdirSync(path, { recursive: true });
for (const path of [...unwritable, unreadable]) writeFileSync(join(path, "file"), "");
symlinkSync(outside, join(workspace, "link"));
for (const path of [...unwritable, workspace]) chmodSync(path, 0o555);
chmodSync(unreadable, 0o000);
if (own === "false") {
  process.seteuid!(0);
  mkdirSync(join(workspace, "theirs"), { mode: 0o755 });
  writeFileSync(join(workspace, "theirs/file"), "");
  chownSync(join(workspace, "theirs"), 0, 0);
}
if (process.getuid!() === 0) {
  if (process.geteuid!() !== 0) process.seteuid!(0);
  process.setgid!(Number(uid));
  process.setuid!(Number(uid));
}

const told = (error: Error) => error.message;
const answer = await host.remove(agent, everything).catch(told);
const again = await host.remove(agent, everything).catch(told);
const there = lstatSync(workspace, { throwIfNoEntry: false }) !== undefined;
process.stdout.write(JSON.stringify({ answer, again, there }));
