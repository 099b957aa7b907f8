import { closeSync, fdatasync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { makePrivateDirectory, syncDirectory, writePrivate } from "../adapters/node/files/atomic-write.ts";
import { flush } from "../adapters/node/files/flush.ts";
import { groupCommit } from "../adapters/node/files/group-commit.ts";

const datasync = promisify(fdatasync);
const text = "x".repeat(400);
const workspaceFiles = ["AGENTS.md", "SOUL.md", "IDENTITY.md", "USER.md", "BOOTSTRAP.md"];

/**
 * Writes what a create leaves on the disk, in its order and as durably, with nothing decided in between, no request read
 * and no ledger asked: the bound below which no create of this layout comes on a machine.
 */
export async function filesOfACreate(directory: string) {
  const [records, agents, workspaces] = ["records", "agents", "workspaces"].map((name) => join(directory, name));
  for (const path of [records!, agents!, workspaces!]) await makePrivateDirectory(path);
  const trail = openSync(join(directory, "trail.jsonl"), "a", 0o600);
  const append = groupCommit<string>(async (lines) => {
    writeSync(trail, lines.join(""));
    await datasync(trail);
  });
  const line = `${text}\n`;

  async function makeAgent(id: string): Promise<void> {
    const agent = join(agents!, id);
    const begun = join(agents!, `.${id}`);
    const workspace = join(workspaces!, id);
    mkdirSync(begun, { mode: 0o700 });
    writeFileSync(join(begun, "pending.json"), text, { flag: "wx", mode: 0o600 });
    renameSync(begun, agent);
    mkdirSync(workspace, { mode: 0o700 });
    for (const name of workspaceFiles) writeFileSync(join(workspace, name), text, { flag: "wx", mode: 0o600 });
    for (const name of ["agent", "sessions"]) mkdirSync(join(agent, name), { mode: 0o700 });
    await flush(join(agent, "pending.json"));
    renameSync(join(agent, "pending.json"), join(agent, "agent.json"));
    await Promise.all([flush(agent), syncDirectory(agents!)]);
  }

  return {
    async make(at: number): Promise<void> {
      await append(line);
      await Promise.all([writePrivate(join(records!, `${at}.json`), text), makeAgent(String(at))]);
      await append(line);
    },
    close: () => closeSync(trail),
  };
}
