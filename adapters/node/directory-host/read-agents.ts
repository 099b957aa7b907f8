import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../../../src/errors.ts";
import { allMissing } from "../../../src/host/agent-checks.ts";
import type { AgentHost, HostAgent } from "../../../src/ports.ts";
import { firstAfter } from "../files/first-after.ts";
import { type AgentEntry, readEntry } from "./agent-entry.ts";
import { type AgentHomes, isForeign } from "./agent-homes.ts";
import { credentialState } from "./auth-profiles.ts";

/** The agents of these homes as they are on disk now. */
export function readAgents(homes: AgentHomes): Pick<AgentHost, "find" | "list" | "inspect"> {
  function found(agentId: string): { agent: HostAgent; fault?: string } | undefined {
    const home = homes.of(agentId);
    if (!home) return undefined;
    const agentDir = join(home, "agent");
    const bare = { agentId, name: agentId, agentDir, bindings: [] };
    let entry: AgentEntry | undefined;
    try {
      entry = readEntry(home, "agent");
    } catch (error) {
      // It is an agent all the same: one damaged entry must not hide it, nor the others of a list.
      return { agent: bare, fault: (error as Problem).message };
    }
    if (!entry) return isForeign(home) ? { agent: bare } : undefined;
    const { name, model, identity, bindings, made } = entry;
    const workspace = entry.workspace === "" ? undefined : entry.workspace;
    return { agent: { agentId, operationId: made.operationId, name, workspace, agentDir, model, identity, bindings } };
  }

  return {
    async find(agentId) {
      const known = found(agentId);
      return { agents: known ? [known.agent] : [], unreachable: [] };
    },

    async list({ cursor, limit }) {
      const ids = homes.ids();
      const agents: HostAgent[] = [];
      for (let at = firstAfter(ids, cursor); at < ids.length; at++) {
        const agent = found(ids[at]!)?.agent;
        if (!agent) continue;
        if (agents.length === limit) return { agents, nextCursor: agents.at(-1)!.agentId, unreachable: [] };
        agents.push(agent);
      }
      return { agents, unreachable: [] };
    },

    async inspect(agent) {
      const known = found(agent.agentId);
      if (!known) return { reachable: true, ...allMissing, detail: "The host has no such agent." };
      const workspace = known.agent.workspace ?? agent.workspace;
      const agentDir = known.agent.agentDir!;
      const { credentials, detail } = credentialState(agentDir);
      const details = [known.fault, detail].filter((one) => one !== undefined);
      return {
        reachable: true,
        workspace: workspace === undefined ? "unknown" : isDirectory(workspace) ? "ok" : "missing",
        agentDir: isDirectory(agentDir) ? "ok" : "missing",
        credentials,
        ...(details.length > 0 && { detail: details.join(" ") }),
      };
    },
  };
}

const isDirectory = (path: string): boolean => {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
};
