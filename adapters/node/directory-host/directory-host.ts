import { accessSync, constants, lstatSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { profileIdFor } from "../../../src/domain/profile-id.ts";
import { workspaceTaken } from "../../../src/domain/taken.ts";
import { Problem } from "../../../src/errors.ts";
import { absent, requireCurrent } from "../../../src/host/agent-problems.ts";
import { noGateway } from "../../../src/host/no-gateway.ts";
import { refuseHold } from "../../../src/host/refuse-hold.ts";
import { splitBindings } from "../../../src/host/split-bindings.ts";
import type { AgentHost, Clock, HostAgent } from "../../../src/ports.ts";
import { makePrivateDirectory, type Placing, unwritable, writePrivate } from "../files/atomic-write.ts";
import { createFileLock, makeLockFile } from "../files/file-lock.ts";
import { createTurns } from "../files/turns.ts";
import { adoptAgents } from "./adopt-agent.ts";
import { type AgentEntry, entryPath, entryText, readEntry } from "./agent-entry.ts";
import { createAgentHomes, isForeign, requireHome } from "./agent-homes.ts";
import { noteCredential, removeCredential, storeCredential } from "./auth-profiles.ts";
import { renewIdentityFile } from "./bootstrap-files.ts";
import { createEntryIndex } from "./entry-index.ts";
import { makeAgents } from "./make-agents.ts";
import { readAgents } from "./read-agents.ts";
import { createWorkspacePaths } from "./workspace-paths.ts";
import { createWorkspaces } from "./workspaces.ts";

/** The places of agents and their workspaces. */
export interface DirectoryHostOptions {
  /** Made, with mode 0700, where it is missing. */
  stateDir: string;
  /** Directories in which workspaces may be. Default: the state directory. */
  workspaceRoots?: string[] | undefined;
  /** The meaning of `~/`. Default: the user's home. */
  home?: string;
  clock?: Clock;
  /** How long a change waits for another process's, which takes milliseconds unless that process is stopped in it. */
  lockWaitMs?: number;
}

/** Agents as directories `<state>/agents/<id>`, in OpenClaw's classic layout. */
export function openDirectoryHost(options: DirectoryHostOptions): AgentHost {
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 });
  const stateDir = realpathSync.native(options.stateDir);
  const agentsDir = join(stateDir, "agents");
  mkdirSync(agentsDir, { recursive: true, mode: 0o700 });

  const paths = createWorkspacePaths({ ...options, stateDir });
  const homes = createAgentHomes(agentsDir);
  const index = createEntryIndex(homes, paths.defaultPath);
  // Not among the agents, which OpenClaw lists too.
  const ours = join(stateDir, "provisioning");
  mkdirSync(ours, { recursive: true, mode: 0o700 });
  const lockOf = (name: string) => {
    const path = join(ours, name);
    // Now, since a disk that is full when something is to be removed may have no room for it.
    makeLockFile(path);
    return createFileLock(path, { logged: false, waitMs: options.lockWaitMs ?? 15_000 });
  };
  const lock = lockOf("homes.sqlite");
  const workspacesLock = lockOf("workspaces.sqlite");
  const workspaces = createWorkspaces({ homes, index, paths, lock: workspacesLock, homesLock: lock });
  const clock = options.clock ?? { now: Date.now };
  const agents = makeAgents({ homes, index, paths, workspaces, lock, clock });
  const adopter = adoptAgents({ homes, index, lock, clock, defaultWorkspace: paths.defaultPath });
  const turns = createTurns();
  const inTurn = <T>(agentId: string, work: () => Promise<T>): Promise<T> => turns(agentId, () => asProblem(work));

  /** @throws Problem `agent_not_found`, `agent_not_managed`, `store_unreadable` */
  function requireEntry({ agentId, operationId }: HostAgent): { home: string; entry: AgentEntry } {
    const home = homes.of(agentId);
    const entry = home && readEntry(home, "agent");
    const isAnother = operationId !== undefined && entry && entry.made.operationId !== operationId;
    if (home && entry && !isAnother) return { home, entry };
    if (!home || isAnother || !isForeign(home)) throw absent(agentId);
    throw new Problem("agent_not_managed", `The agent "${agentId}" was made by others and has no entry to change.`);
  }

  /** @throws Problem `agent_busy` where the change came too late: the agent is another's to change, or another agent */
  const placingFor =
    (agent: HostAgent): Placing =>
    (place) =>
      lock.run(async () => {
        requireEntry(agent);
        await requireCurrent(agent);
        place();
        return true;
      });

  async function writeEntry(agent: HostAgent, home: string, entry: AgentEntry): Promise<void> {
    await writePrivate(entryPath(home, "agent"), entryText(home, entry), placingFor(agent));
    index.note(entry);
  }

  return {
    kind: "directory",
    storesCredentials: true,
    ...readAgents(homes),

    async plan({ agentId, workspace, gateway, ...hold }) {
      if (gateway !== undefined) throw noGateway(gateway);
      refuseHold(hold);
      const agentDir = join(requireHome(homes, agentId), "agent");
      const { path } = paths.place(agentId, workspace);
      if (await index.overlapsOthers(agentId, path)) throw workspaceTaken();
      return { workspace: path, agentDir };
    },

    create: (agent) =>
      inTurn(agent.agentId, async () => {
        const entry = await agents.make(agent);
        return {
          workspaceCreated: entry.made.workspace,
          ...(agent.credential && { profileId: profileIdFor(agent.credential.provider) }),
          bindings: splitBindings([], entry.bindings),
        };
      }),

    remove: ({ agentId, operationId }, what) => inTurn(agentId, () => agents.remove(agentId, operationId, what)),

    planAdoption: (adoption) => asProblem(() => adopter.planAdoption(adoption)),
    adopt: (adoption) => inTurn(adoption.agent.agentId, () => adopter.adopt(adoption)),
    release: (agent) => inTurn(agent.agentId, () => adopter.release(agent)),

    setCredential: (agent, credential, model) =>
      inTurn(agent.agentId, async () => {
        const { home, entry } = requireEntry(agent);
        const agentDir = join(home, "agent");
        await makePrivateDirectory(agentDir);
        const adopted = entry.adopted && {
          ...entry.adopted,
          auth: noteCredential(agentDir, credential.provider, entry.adopted.auth),
        };
        // Noted before it is done.
        if (adopted) await writeEntry(agent, home, { ...entry, adopted });
        const profileId = await storeCredential(agentDir, credential, placingFor(agent), adopted?.auth);
        if (model !== undefined) await writeEntry(agent, home, { ...entry, ...(adopted && { adopted }), model });
        return profileId;
      }),

    dropCredential: (agent, provider) =>
      inTurn(agent.agentId, async () => {
        const { home } = requireEntry(agent);
        await removeCredential(join(home, "agent"), provider, placingFor(agent));
      }),

    bind: (agent, bindings) =>
      inTurn(agent.agentId, async () => {
        const { agentId } = agent;
        const { home, entry } = requireEntry(agent);
        const result = splitBindings(entry.bindings, bindings);
        if (result.added.length === 0) return result;
        const release = await index.keep(agentId, result.added);
        try {
          await writeEntry(agent, home, { ...entry, bindings: [...entry.bindings, ...result.added] });
          return result;
        } finally {
          release();
        }
      }),

    update: (agent, change) =>
      inTurn(agent.agentId, async () => {
        const { agentId } = agent;
        refuseHold(change);
        const { home, entry } = requireEntry(agent);
        const { name = entry.name, model = entry.model } = change;
        const identity = change.identity ? { ...entry.identity, ...change.identity } : entry.identity;
        const changed = { ...entry, name, model, identity };
        await writeEntry(agent, home, changed);
        if (paths.holds(agentId, entry.workspace)) await renewIdentityFile(entry.workspace, entry, changed);
      }),

    async check() {
      try {
        if (!lstatSync(agentsDir).isDirectory()) throw new Error("agents is not a directory");
        accessSync(agentsDir, constants.R_OK | constants.W_OK | constants.X_OK);
      } catch (cause) {
        throw new Problem("host_unavailable", "The agents directory cannot be used.", { cause });
      }
      await Promise.all([lock.check(), workspacesLock.check()]);
    },
  };
}

/** A failed system call is told without its path; a bug stays one. */
async function asProblem<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : unwritable(error);
  }
}
