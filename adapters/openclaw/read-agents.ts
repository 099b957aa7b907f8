import { join } from "node:path";
import { reservedAgentId } from "../../src/domain/agent-id.ts";
import { Problem } from "../../src/errors.ts";
import { allMissing } from "../../src/host/agent-checks.ts";
import type { AgentHost } from "../../src/ports.ts";
import { isDirectory } from "../node/files/is-directory.ts";
import { agentOf } from "./config-entries.ts";
import { absolutePath } from "./held-workspaces.ts";
import type { HostTools } from "./make-agent.ts";
import type { AgentEntry, OpenClawConfig } from "./openclaw-config.ts";

/** All agents of the configuration; `main` is there before anybody has made one. */
function entriesOf(config: OpenClawConfig): Record<string, AgentEntry> {
  const entries = config.agents?.entries ?? {};
  return Object.keys(entries).length > 0 ? entries : { [reservedAgentId]: {} };
}

/** `undefined` for an id that is a name of JavaScript's own, such as `constructor`, too. */
export const entryIn = (config: OpenClawConfig, agentId: string): AgentEntry | undefined => {
  const entries = entriesOf(config);
  return Object.hasOwn(entries, agentId) ? entries[agentId] : undefined;
};

/** The agents of OpenClaw's configuration, whoever made them. */
export function createAgentReader(tools: HostTools): Pick<AgentHost, "find" | "list" | "inspect" | "check"> {
  const { changes, config, credentials, stateDir, openDoors } = tools;
  const agentDirOf = (agentId: string): string => join(stateDir, "agents", agentId, "agent");
  const shown = (all: OpenClawConfig, agentId: string, entry: AgentEntry) => {
    const agent = agentOf(all, agentId, entry, agentDirOf);
    const { workspace, agentDir } = agent;
    return {
      ...agent,
      workspace: workspace === undefined ? undefined : absolutePath(workspace, tools),
      agentDir: absolutePath(agentDir!, tools),
    };
  };

  return {
    async find(agentId) {
      const all = changes.written(await config.read());
      const entry = entryIn(all, agentId);
      return { agents: entry ? [shown(all, agentId, entry)] : [], unreachable: [] };
    },

    async list({ cursor, limit }) {
      const all = changes.written(await config.read());
      const entries = entriesOf(all);
      const ids = Object.keys(entries).sort();
      const after = cursor === undefined ? ids : ids.filter((id) => id > cursor);
      const agents = after.slice(0, limit).map((id) => shown(all, id, entries[id]!));
      return { agents, ...(after.length > limit && { nextCursor: agents.at(-1)!.agentId }), unreachable: [] };
    },

    async inspect({ agentId, workspace: known }) {
      const starting = changes.isTakingUp(agentId);
      const entry = entryIn(await config.read(), agentId);
      if (!entry) {
        const detail = starting ? "OpenClaw has not taken it up yet." : "The host has no such agent.";
        return { reachable: true, ...allMissing, ...(starting && { starting }), detail };
      }
      const agentDir = entry.agentDir === undefined ? agentDirOf(agentId) : absolutePath(entry.agentDir, tools);
      const workspace = entry.workspace === undefined ? known : absolutePath(entry.workspace, tools);
      const doors = (await openDoors(agentId)).filter((door) => !door.isNotice);
      return {
        reachable: true,
        ...(doors.length > 0 && { detail: `Open doors: ${doors.map((door) => door.detail).join("; ")}.` }),
        workspace: workspace === undefined ? "unknown" : isDirectory(workspace) ? "ok" : "missing",
        agentDir: isDirectory(agentDir) ? "ok" : "missing",
        credentials: (await credentials.has(agentDir)) ? "ok" : "missing",
      };
    },

    async check() {
      try {
        await config.read();
      } catch (cause) {
        throw new Problem("host_unavailable", "OpenClaw's configuration cannot be read.", { cause });
      }
    },
  };
}
