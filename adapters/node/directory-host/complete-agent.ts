import { existsSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { overtaken } from "../../../src/host/agent-problems.ts";
import type { HostCreate } from "../../../src/ports.ts";
import { syncDirectory } from "../files/atomic-write.ts";
import type { FileLock } from "../files/file-lock.ts";
import { flush } from "../files/flush.ts";
import { type AgentEntry, entryPath, readEntry } from "./agent-entry.ts";
import { authProfilesPath } from "./auth-profiles.ts";
import { remove } from "./begin-agent.ts";

/**
 * Makes durable what `beginAgent` left, and then its pending entry the agent's. That may have been removed meanwhile,
 * and another creation be at it: an entry of another is left alone.
 */
export async function completeAgent(
  home: string,
  entry: AgentEntry,
  agent: Pick<HostCreate, "credential">,
  lock: FileLock,
): Promise<void> {
  const agentDir = join(home, "agent");
  const pending = entryPath(home, "pending");
  // A directory with nothing in it is in its home's hands.
  await flush(pending, ...(agent.credential ? [agentDir, authProfilesPath(agentDir)] : []));
  await lock.run(() => {
    if (readEntry(home, "pending")?.made.operationId !== entry.made.operationId) throw overtaken(entry.agentId);
    renameSync(pending, entryPath(home, "agent"));
  });
  await Promise.all([flush(home), syncDirectory(dirname(home))]);
  const marker = entryPath(home, "removed");
  if (!existsSync(marker)) return;
  await lock.run(() => {
    // A marker of an earlier removal means nothing beside an entry.
    if (readEntry(home, "agent")?.made.operationId === entry.made.operationId) remove(marker);
  });
}
