import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * OpenClaw's memory of an agent that was deleted. Until it is told that the id lives again, it refuses every turn of an
 * agent that has it, whatever the configuration says, and restarts the gateway over it.
 *
 * There is no function for this in the plugin SDK; the table is only read.
 */
export function deletionOf(stateDir: string, agentId: string): "none" | "running" | "completed" {
  const path = join(stateDir, "state", "openclaw.sqlite");
  if (!existsSync(path)) return "none";
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    const table = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'agent_deletion_journal'").get();
    if (!table) return "none";
    const row = database
      .prepare("SELECT cleanup_completed AS completed FROM agent_deletion_journal WHERE agent_id = ?")
      .get(agentId);
    return row === undefined ? "none" : row.completed === 1 ? "completed" : "running";
  } finally {
    database.close();
  }
}
