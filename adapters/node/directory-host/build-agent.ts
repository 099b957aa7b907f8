import { mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostCreate } from "../../../src/ports.ts";
import { syncDirectory } from "../files/atomic-write.ts";
import { flush } from "../files/flush.ts";
import { type AgentEntry, entryPath } from "./agent-entry.ts";
import { authProfilesPath, authProfilesText, withCredential } from "./auth-profiles.ts";
import { remove, writeNew } from "./begin-agent.ts";
import { bootstrapFiles } from "./bootstrap-files.ts";

/**
 * Makes what is in the workspace, the agent's directories, its credential and, at last, its entry of the pending
 * one that `beginAgent` left.
 */
export async function buildAgent(home: string, entry: AgentEntry, agent: HostCreate): Promise<void> {
  const agentDir = join(home, "agent");
  const pending = entryPath(home, "pending");
  const files = agent.skipBootstrap ? {} : bootstrapFiles(agent);
  for (const [name, text] of Object.entries(files)) {
    const path = join(entry.workspace, name);
    if (entry.made.workspace || entry.made.files.includes(name)) writeNew(path, text);
  }

  mkdirSync(agentDir, { mode: 0o700 });
  if (entry.made.sessions) mkdirSync(join(home, "sessions"), { mode: 0o700 });
  const durable = [pending, agentDir];
  if (agent.credential) {
    // Not yet an agent's: nobody reads it before the entry stands, so it need not be replaced atomically.
    writeNew(authProfilesPath(agentDir), authProfilesText(withCredential(undefined, agent.credential)));
    durable.push(authProfilesPath(agentDir));
  }
  await flush(...durable);
  renameSync(pending, entryPath(home, "agent"));
  await Promise.all([flush(home), syncDirectory(dirname(home))]);
  // Where an entry stands, a marker of an earlier removal means nothing.
  remove(entryPath(home, "removed"));
}
