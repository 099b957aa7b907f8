import { rm } from "node:fs/promises";
import { join } from "node:path";
import { endsWithin } from "../../src/domain/ends-within.ts";
import { isProblem, Problem } from "../../src/errors.ts";
import { exists, overtaken, requireCurrent } from "../../src/host/agent-problems.ts";
import type { AgentHost, HostCreate, HostHold, Log, OpenDoor } from "../../src/ports.ts";
import type { Confinement } from "../../src/schema/agent-fields.ts";
import type { WorkspacePaths } from "../node/directory-host/workspace-paths.ts";
import { makeAgentFiles, removeEmptyAbove } from "./agent-files.ts";
import type { ConfigAccess } from "./config-access.ts";
import type { ConfigChanges } from "./config-changes.ts";
import { addBindings, entryFor, hasAgent, isOurEntry, refuseTaken, setEntry } from "./config-entries.ts";
import type { AgentCredentials } from "./credentials.ts";
import { deletionOf } from "./deletion-journal.ts";
import type { Hold } from "./doors/held-entry.ts";
import type { OpenClawSettings } from "./doors/open-doors.ts";
import { GatewayRefusal, type GatewayRpc } from "./gateway-rpc.ts";
import { type OpenClawPlaces, overlapsHeld, refuseHeld } from "./held-workspaces.ts";
import { leaveToOthers } from "./leave-to-others.ts";
import { dropMarker, isMadeBy, type MadeMarker, readMarker, writeMarker } from "./made-marker.ts";
import {
  type AgentProvider,
  declareModel,
  declareProvider,
  keylessReference,
  modelReference,
  providerFor,
} from "./metered-provider.ts";
import type { OpenClawConfig } from "./openclaw-config.ts";
import type { Trash } from "./trash.ts";

export interface HostTools extends OpenClawPlaces {
  proxyBaseUrl?: string | undefined;
  /** Whether the plugin looks at agents' calls of tools. */
  isLookedAt: boolean;
  /** The default for agents about whom nobody has said anything. */
  confinement: Confinement;
  openclaw: OpenClawSettings;
  /** The open doors of one agent, or of all. */
  openDoors(agentId?: string): Promise<OpenDoor[]>;
  /**
   * @param workspace of an agent to be made
   * @throws Problem where the agent cannot be held like that here
   */
  checkHold(agentId: string, hold: Hold, workspace?: string): Promise<void>;
  config: ConfigAccess;
  changes: ConfigChanges;
  credentials: AgentCredentials;
  gateway: GatewayRpc;
  /** Tells the gateway of a key that was stored for an agent which it knows. */
  announceKey(agentId: string): Promise<void>;
  paths: WorkspacePaths;
  homeOf(agentId: string): string;
  fillWorkspace?: ((path: string) => Promise<unknown>) | undefined;
  trash: Trash;
  log: Log;
}

/** One fill takes about 20 ms; of many at once not all are waited for. */
const fillMs = 150;

type Created = Awaited<ReturnType<AgentHost["create"]>>;

/** @param usual confinement where the call names none */
export const holdOf = ({ confinement, tools, peers }: HostHold, usual: Confinement): Hold => ({
  confinement: confinement ?? usual,
  tools: [...new Set(tools)],
  peers: [...new Set(peers)],
});

/** Without a key of its own an agent has the one model that it was given, and whatever key that one is called with. */
const ownModels = (reference: string | undefined, provider: AgentProvider | undefined): string[] =>
  provider ? [`${provider.name}/*`] : reference === undefined ? [] : [reference];

/** A new agent under the same id would have its conversations and keys. */
const leftStore = (agentId: string): Problem =>
  new Problem(
    "agent_exists",
    `An agent "${agentId}" that is gone from OpenClaw's configuration has left agents/${agentId}/agent; move that ` +
      "away, or choose another name.",
  );

/** OpenClaw may call a write a failure that it has done. One that others made has another workspace, or nothing of ours. */
function hasOurEntry({ agents }: OpenClawConfig, agentId: string, { workspace }: MadeMarker): boolean {
  const entry = agents?.entries?.[agentId];
  return entry !== undefined && entry.workspace === workspace && isOurEntry(entry, agentId);
}

const createdBy = (marker: MadeMarker): Created => ({
  workspaceCreated: marker.workspaceMade,
  ...(marker.profileId !== undefined && { profileId: marker.profileId }),
  bindings: { added: marker.bindings, updated: [], skipped: [], conflicts: [] },
});

/**
 * Makes agents whole: files, key, then the entry, which is the moment at which there is an agent.
 * @param remove takes back one that the gateway itself has made
 */
export function createAgentMaker(
  tools: HostTools,
  remove: AgentHost["remove"],
): (agent: HostCreate, come: () => void) => Promise<Created> {
  const { stateDir, config, changes, credentials, gateway, paths, homeOf, log } = tools;

  return async (agent, come) => {
    const { agentId } = agent;
    const home = homeOf(agentId);
    const there = await (changes.isTakingUp(agentId) ? config.source() : config.read());
    const marker = readMarker(home);
    if (there.agents?.entries?.[agentId]) {
      if (marker?.operationId === agent.operationId && hasOurEntry(there, agentId, marker)) return createdBy(marker);
      throw exists(agentId);
    }
    if (hasAgent(there, agentId)) throw exists(agentId);
    if (marker?.adopted) {
      throw new Problem(
        "agent_exists",
        `An agent "${agentId}" was adopted, and its entry is gone; \`agents release ${agentId}\` ends that.`,
      );
    }
    if (marker?.operationId !== undefined) {
      // The remains of an attempt that nobody is at any more, or whose process has slept and was taken for dead.
      await requireCurrent(agent);
      await undo(agentId, home, marker);
    }
    if (await credentials.hasPast(join(home, "agent"))) throw leftStore(agentId);
    const place = paths.place(agentId, agent.workspace);
    refuseTaken(there, agentId, agent.bindings);
    refuseHeld(there, agentId, place.path, tools);
    const provider = agent.credential && providerFor(agent.credential, tools.proxyBaseUrl);
    const reference = provider ? modelReference(provider, agent.model) : keylessReference(agent.model);

    const made = await makeAgentFiles(home, agent, place);
    let starting = false;
    let revived = false;
    let filled: Promise<void> | undefined;
    try {
      revived = await revive(made, agentId, home);
      // A directory that was there gets nothing before the agent is sure.
      if (made.workspaceMade) filled = fill(agent, place.path);
      const agentDir = join(home, "agent");
      if (agent.credential && provider) {
        made.profileId = await credentials.store(agentDir, provider, agent.credential.apiKey);
        made.provider = provider.name;
        await writeMarker(home, made);
      }
      const entry = entryFor(
        { ...agent, workspace: place.path, agentDir },
        { model: reference, models: ownModels(reference, provider), ...holdOf(agent, tools.confinement) },
        there,
        tools.isLookedAt,
      );
      // OpenClaw's reload would hold it up for half a second.
      if (filled && (await endsWithin(filled, fillMs))) await filled;
      come();
      const changed = await changes.make({
        agentId,
        apply(draft) {
          if (!isMadeBy(home, agent)) throw overtaken(agentId);
          if (hasAgent(draft, agentId) && !revived && !hasOurEntry(draft, agentId, made)) throw exists(agentId);
          refuseHeld(draft, agentId, place.path, tools);
          const bindings = addBindings(draft, agentId, agent.bindings);
          if (provider) declareProvider(draft, provider);
          if (reference !== undefined) declareModel(draft, reference);
          setEntry(draft, agentId, structuredClone(entry));
          return bindings;
        },
      });
      filled ??= fill(agent, place.path);
      if (agent.awaitReady) starting = !(await changed.applied);
      else starting = true;
      await filled;
      if (revived && isMadeBy(home, agent)) await writeMarker(home, { ...made, revives: undefined });
      // The gateway has known this agent, without a key, since it was revived.
      if (revived && provider) await tools.announceKey(agentId);
    } catch (error) {
      await filled;
      // The part that cannot be undone now is on record, and goes with the next `remove` or `create`.
      const takeBack = async () =>
        // OpenClaw shows its source to those alone who can lock it, which may be what has failed.
        made.revives || hasOurEntry(await config.authored(), agentId, made)
          ? void (await remove(agent, { workspace: true, sessions: made.sessionsMade }))
          : await undo(agentId, home, made, isProblem(error, "agent_exists"));
      await takeBack().catch((cause: unknown) =>
        log("error", "a half-made agent could not be undone", { agentId, cause }),
      );
      throw error;
    }
    return { ...createdBy(made), ...(starting && { starting }) };
  };

  /** OpenClaw has to be told that a deleted id lives again, and takes that from its own call alone. */
  async function revive(made: MadeMarker, agentId: string, home: string): Promise<boolean> {
    const deletion = deletionOf(stateDir, agentId);
    if (deletion === "none") return false;
    if (deletion === "running") throw new Problem("agent_busy", "OpenClaw is still deleting an agent of this id.");
    made.revives = true;
    await writeMarker(home, made);
    try {
      await changes.byGateway(async () => {
        await gateway.request("agents.create", { name: agentId, workspace: made.workspace });
        await config.applied(({ agents }) => agents[agentId] !== undefined);
      });
    } catch (cause) {
      if (cause instanceof GatewayRefusal) {
        made.revives = undefined;
        await writeMarker(home, made);
        if (hasAgent(await config.authored(), agentId)) throw exists(agentId);
      }
      throw new Problem(
        "host_unavailable",
        "An agent of this id was deleted before, and only a running gateway can make one anew.",
        { cause },
      );
    }
    return true;
  }

  /** OpenClaw does it at the first turn otherwise: failing here is no reason to take the agent back. */
  async function fill(agent: HostCreate, workspace: string): Promise<void> {
    if (agent.skipBootstrap || !tools.fillWorkspace) return;
    await tools.fillWorkspace(workspace).catch((cause: unknown) => {
      log("warn", "the workspace was not filled", { agentId: agent.agentId, cause });
    });
  }

  /** @param isOthers somebody else has made an agent of this id meanwhile: the directories are that one's */
  async function undo(agentId: string, home: string, made: MadeMarker, isOthers = false): Promise<void> {
    const agentDir = join(home, "agent");
    const isIts = () => isMadeBy(home, made);
    if (isOthers) return await leaveToOthers(credentials, home, made);
    if (isIts()) await credentials.clear(agentDir);
    if (isIts() && !credentials.isOpen(agentDir)) await rm(agentDir, { recursive: true, force: true });
    if (isIts() && made.sessionsMade) await rm(join(home, "sessions"), { recursive: true, force: true });
    if (made.workspaceMade && made.workspace !== undefined) {
      // Another agent's may have come to lie in it.
      const isTaken = overlapsHeld(await config.read(), agentId, made.workspace, tools);
      if (!isIts()) return;
      if (!isTaken) await rm(made.workspace, { recursive: true, force: true });
      removeEmptyAbove(made);
    }
    if (isIts()) dropMarker(home);
  }
}
