import { realpathSync } from "node:fs";
import { join } from "node:path";
import { Problem } from "../../src/errors.ts";
import { noGateway } from "../../src/host/no-gateway.ts";
import { workspaceProblem } from "../../src/host/workspace-text.ts";
import type { AgentHost, Log, OpenDoor } from "../../src/ports.ts";
import { AgentId } from "../../src/schema/primitives.ts";
import { createWorkspacePaths } from "../node/directory-host/workspace-paths.ts";
import { createTurns } from "../node/files/turns.ts";
import { createAgentAdopter } from "./adopt-agent.ts";
import { announceKeyTo } from "./announce-key.ts";
import { createAgentChanges } from "./change-agent.ts";
import type { ConfigAccess } from "./config-access.ts";
import { createConfigChanges, type ReloadTimes } from "./config-changes.ts";
import { variable } from "./config-entries.ts";
import { createCredentials } from "./credentials.ts";
import { checkHold } from "./doors/check-hold.ts";
import type { Hold } from "./doors/held-entry.ts";
import { lateDoor } from "./doors/late-door.ts";
import { type OpenClawSettings, openDoors, refuseUnmetered } from "./doors/open-doors.ts";
import { codeDoors } from "./doors/planted-code.ts";
import { variableDoors } from "./doors/variable-doors.ts";
import type { GatewayRpc } from "./gateway-rpc.ts";
import { refuseHeld, workspaceIn } from "./held-workspaces.ts";
import type { KeyStore } from "./key-store.ts";
import { findLeftBehind } from "./left-behind.ts";
import { isMadeHere, readMarker } from "./made-marker.ts";
import { createAgentMaker, holdOf } from "./make-agent.ts";
import { createAgentReader } from "./read-agents.ts";
import { createAgentRemover } from "./remove-agent.ts";
import { createTrash, type Trash } from "./trash.ts";

/** The gateway's parts, as its plugin gets them. */
export interface OpenClawHostOptions {
  /** `$OPENCLAW_STATE_DIR` of the gateway; there already. */
  stateDir: string;
  /** Directories in which workspaces may be. Default: the state directory. */
  workspaceRoots?: string[] | undefined;
  /** The meaning of `~/`. Default: the user's home. */
  home?: string;
  /** `OPENCLAW_WORKSPACE_DIR` of the gateway. */
  workspaceDir?: string | undefined;
  /** Our own proxy's address: `http://127.0.0.1:18789/proxy`. */
  proxyBaseUrl?: string | undefined;
  config: ConfigAccess;
  keys: KeyStore;
  gateway: GatewayRpc;
  /** How agents are held: `gateway.provisioning.host.openclaw`. */
  openclaw: OpenClawSettings;
  /** Inside the gateway's process, which then need not be told of keys. */
  isPlugin: boolean;
  /** Whether the plugin looks at agents' calls of tools. Default: `isPlugin`. */
  isLookedAt?: boolean;
  /** Fills a new workspace as OpenClaw would at the first turn. */
  fillWorkspace?: ((path: string) => Promise<unknown>) | undefined;
  trash?: Trash;
  log: Log;
  /** Default: those of a real gateway. */
  reloadTimes?: ReloadTimes;
}

/** Agents as entries of OpenClaw's own configuration, each with a key that no other agent can use. */
export function createOpenClawHost(options: OpenClawHostOptions): AgentHost {
  const stateDir = realpathSync.native(options.stateDir);
  const paths = createWorkspacePaths({ ...options, stateDir });
  const turns = createTurns();
  const homeOf = (agentId: string): string => {
    if (!AgentId.safeParse(agentId).success) throw new Problem("invalid_name", "This is not an agent's id.");
    return join(stateDir, "agents", agentId);
  };
  const markerOf = (agentId: string) => (AgentId.safeParse(agentId).success ? readMarker(homeOf(agentId)) : undefined);
  const holderOf = (agentId: string) => {
    const marker = markerOf(agentId);
    return marker && { madeHere: marker.operationId !== undefined, hasKey: marker.provider !== undefined };
  };
  const configChanges = createConfigChanges(options.config, options.log, options.reloadTimes);
  async function doorsOf(agentId?: string): Promise<OpenDoor[]> {
    const config = await options.config.read();
    const isAsked = (id: string) => agentId === undefined || id === agentId;
    const ids = Object.keys(config.agents?.entries ?? {}).filter(isAsked);
    const holders = new Map(ids.map((id) => [id, holderOf(id)]));
    return [
      ...openDoors(config, options.openclaw, (id) => holders.get(id)),
      ...configChanges.late().filter(isAsked).map(lateDoor),
      ...codeDoors(
        config,
        ids.filter((id) => holders.get(id)?.madeHere),
        stateDir,
      ),
    ];
  }
  const { isLookedAt = options.isPlugin } = options;
  const tools = {
    ...options,
    isLookedAt,
    stateDir,
    paths,
    homeOf,
    credentials: createCredentials(options.keys),
    changes: configChanges,
    confinement: options.openclaw.confinement,
    openDoors: doorsOf,
    async checkHold(agentId: string, hold: Hold, workspace?: string) {
      const config = await options.config.read();
      const { workspaceDir, home } = options;
      const place = workspace ?? workspaceIn(config, agentId, { stateDir, workspaceDir, home });
      await checkHold(agentId, hold, { config, isLookedAt, workspace: place });
    },
    trash: options.trash ?? createTrash(),
    announceKey: options.isPlugin ? async () => undefined : announceKeyTo(options.gateway),
  };
  const remove = createAgentRemover(tools);
  const make = createAgentMaker(tools, remove);
  const changes = createAgentChanges(tools);
  const adopter = createAgentAdopter(tools);

  return {
    kind: "openclaw",
    storesCredentials: true,
    ...createAgentReader(tools),

    async openDoors() {
      const ids = Object.keys((await options.config.read()).agents?.entries ?? {});
      await configChanges.notice(ids.filter(holderOf)).catch((cause) => {
        options.log("debug", "OpenClaw's configuration cannot be compared with what it works with yet", { cause });
      });
      const isMade = (id: string) => isMadeHere(markerOf(id));
      return [...(await doorsOf()), ...variableDoors(await options.config.authored(), isMade)];
    },

    leftBehind: () => findLeftBehind(stateDir, options.config.file),

    lastReload: tools.changes.lastReload,

    async plan({ agentId, workspace, gateway, heldToQuota, ...asked }) {
      if (gateway !== undefined) throw noGateway(gateway);
      const { path } = paths.place(agentId, workspace);
      if (path.search(variable) !== -1) throw workspaceProblem(path, "holds a variable; name the directory itself.");
      const config = await options.config.read();
      refuseHeld(config, agentId, path, tools);
      const hold = holdOf(asked, options.openclaw.confinement);
      await tools.checkHold(agentId, hold, path);
      if (heldToQuota) refuseUnmetered(config, options.openclaw, hold.confinement);
      return { workspace: path, agentDir: join(homeOf(agentId), "agent"), confinement: hold.confinement };
    },

    create: (agent) => turns(agent.agentId, () => tools.changes.expecting((come) => make(agent, come))),
    remove: (agent, what) => turns(agent.agentId, () => remove(agent, what)),
    planAdoption: adopter.planAdoption,
    adopt: (adoption) => turns(adoption.agent.agentId, () => adopter.adopt(adoption)),
    release: (agent) => turns(agent.agentId, () => adopter.release(agent)),
    setCredential: (agent, credential, model) =>
      turns(agent.agentId, () => changes.setCredential(agent, credential, model)),
    dropCredential: (agent, provider) => turns(agent.agentId, () => changes.dropCredential(agent, provider)),
    bind: (agent, bindings) => turns(agent.agentId, () => changes.bind(agent, bindings)),
    update: (agent, change) => turns(agent.agentId, () => changes.update(agent, change)),
  };
}
