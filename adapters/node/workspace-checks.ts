import { realpathSync, statSync } from "node:fs";
import type { DoctorCheck } from "../../src/cli/doctor-report.ts";
import { reservedAgentId } from "../../src/domain/agent-id.ts";
import type { HostAgent } from "../../src/ports.ts";
import type { Context } from "../../src/service/context.ts";
import { createHeldPaths } from "./directory-host/overlap.ts";
import { createWorkspacePaths } from "./directory-host/workspace-paths.ts";

const name = "workspaces";

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

/**
 * Agents without their directories, and agents that a release before this one gave a workspace which none would get
 * now. They work on as they are.
 */
export async function workspaceChecks({ host, settings }: Context, stateDir: string): Promise<DoctorCheck[]> {
  if (host.kind !== "directory" && host.kind !== "openclaw") return [];
  const { workspaceRoots } = settings.provisioning;
  const paths = createWorkspacePaths({ stateDir: realpathSync.native(stateDir), workspaceRoots });
  const held = createHeldPaths();
  const misplaced: string[] = [];
  const missing: string[] = [];
  const placed: (HostAgent & { workspace: string })[] = [];
  let cursor: string | undefined;
  do {
    const page = await host.list({ cursor, limit: 500 });
    for (const { workspace, ...agent } of page.agents) {
      if (!workspace) continue;
      if (!isDirectory(workspace) || (agent.agentDir !== undefined && !isDirectory(agent.agentDir)))
        missing.push(agent.agentId);
      placed.push({ ...agent, workspace });
      held.add(workspace, agent.agentId);
      // OpenClaw's own agent has its own place, which is no other's.
      if (agent.agentId !== reservedAgentId && !paths.mayBeGiven(agent.agentId, workspace))
        misplaced.push(agent.agentId);
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  const overlapping = placed
    .filter(({ agentId, workspace }) => held.overlapping(workspace).some((holder) => holder !== agentId))
    .map(({ agentId }) => agentId);
  const checks: DoctorCheck[] = [];
  if (missing.length > 0) {
    const remedy = "put it back from the backup, or `agents delete <id>`";
    const detail = `missing, or the agent's directory is, of ${missing.length}: ${missing.join(", ")}`;
    // OpenClaw makes the directories that its own agents lack, when they run.
    checks.push({ name, status: host.kind === "directory" ? "failed" : "warning", detail, remedy });
  }
  if (misplaced.length > 0) {
    const remedy =
      "put the directory above into gateway.provisioning.workspaceRoots, or make the agent anew with a workspace in " +
      '"workspaces/" of the state directory';
    checks.push({ name, status: "warning", detail: `where none may be made now: ${misplaced.join(", ")}`, remedy });
  }
  if (overlapping.length > 0) {
    const remedy = "each can read the other's files: make all but one anew with a workspace of its own";
    checks.push({ name, status: "warning", detail: `in or around another's: ${overlapping.join(", ")}`, remedy });
  }
  return checks.length > 0 ? checks : [{ name, status: "ok", detail: "apart, and where they may be" }];
}
