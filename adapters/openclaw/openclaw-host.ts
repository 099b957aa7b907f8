import { mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { reservedAgentId } from "../../src/domain/agent-id.ts";
import { Problem } from "../../src/errors.ts";
import { noGateway } from "../../src/host/no-gateway.ts";
import type { AgentHost, Credential, HostAgent, Log } from "../../src/ports.ts";
import { AgentId } from "../../src/schema/primitives.ts";
import { createTurns } from "../node/in-turn.ts";
import { createWorkspacePaths } from "../node/workspace-paths.ts";
import { isDirectory } from "./agent-files.ts";
import type { ConfigAccess } from "./config-access.ts";
import { createConfigChanges } from "./config-changes.ts";
import { addBindings, agentOf, refuseTaken } from "./config-entries.ts";
import { createCredentials, profileIdFor } from "./credentials.ts";
import { GatewayAway, type GatewayRpc } from "./gateway-rpc.ts";
import { readMarker, writeMarker } from "./made-marker.ts";
import { createAgentMaker } from "./make-agent.ts";
import {
  type AgentProvider,
  declareModel,
  declareModelOf,
  modelReference,
  ourProviderIn,
  providerFor,
} from "./metered-provider.ts";
import { type AgentEntry, primaryModel } from "./openclaw-config.ts";
import { createAgentRemover } from "./remove-agent.ts";
import type { ProviderAuth } from "./sdk.ts";
import { createTrash, type Trash } from "./trash.ts";

export interface OpenClawHostOptions {
  /** `$OPENCLAW_STATE_DIR` of the gateway; there already. */
  stateDir: string;
  /** Where workspaces may be. Default: inside the state directory. */
  workspaceRoots?: string[] | undefined;
  /** What `~/` stands for. Default: the user's home. */
  home?: string;
  /** Where our own proxy is: `http://127.0.0.1:18789/proxy`. */
  proxyBaseUrl?: string | undefined;
  config: ConfigAccess;
  auth: ProviderAuth;
  gateway: GatewayRpc;
  /** Whether a key that is stored has to be told to the gateway: not from inside its own process. */
  announceKeys: boolean;
  /** Fills a new workspace as OpenClaw would at the first turn. */
  fillWorkspace?: ((path: string) => Promise<unknown>) | undefined;
  trash?: Trash;
  log: Log;
}

/** Directories of OpenClaw's own, beside those that no host lets a workspace be in. */
const openClawDirs = new Set(["state", "extensions", "logs", "tmp", "workspace", "cron", "media", "backups"]);

/** Agents as entries of OpenClaw's own configuration, each with a key that no other agent can use. */
export function createOpenClawHost(options: OpenClawHostOptions): AgentHost {
  const { config, gateway, log } = options;
  const stateDir = realpathSync.native(options.stateDir);
  const paths = createWorkspacePaths({ ...options, stateDir });
  const credentials = createCredentials(options.auth, stateDir);
  const change = createConfigChanges(config);
  const turns = createTurns();

  const homeOf = (agentId: string): string => {
    if (!AgentId.safeParse(agentId).success) throw new Problem("invalid_name", "This is not an agent's id.");
    return join(stateDir, "agents", agentId);
  };
  const agentDirOf = (agentId: string): string => join(homeOf(agentId), "agent");
  const tools = { ...options, stateDir, paths, credentials, change, homeOf, trash: options.trash ?? createTrash() };
  const make = createAgentMaker(tools);
  const remove = createAgentRemover(tools);

  /** `main` is there before anybody made it. */
  async function entries(): Promise<[string, AgentEntry][]> {
    const all = (await config.read()).agents?.entries ?? {};
    return Object.entries(Object.keys(all).length > 0 ? all : { [reservedAgentId]: {} }).sort(([a], [b]) =>
      a < b ? -1 : 1,
    );
  }

  async function requireEntry(agentId: string): Promise<AgentEntry> {
    const entry = AgentId.safeParse(agentId).success ? new Map(await entries()).get(agentId) : undefined;
    if (!entry) throw new Problem("agent_not_found", `The host has no agent "${agentId.slice(0, 64)}".`);
    return entry;
  }

  /** Changes an entry in the draft; one that went away meanwhile is not made anew. */
  async function changeEntry<T>(
    agentId: string,
    apply: (entry: AgentEntry, draft: Parameters<Parameters<typeof change>[0]["apply"]>[0]) => T,
    shows: Parameters<typeof change>[0]["shows"] = () => true,
  ): Promise<T> {
    const { result, applied } = await change({
      apply(draft) {
        const entry = draft.agents?.entries?.[agentId];
        if (entry) return apply(entry, draft);
        // The implicit agent has no entry until it is changed; OpenClaw does the same.
        if (agentId !== reservedAgentId) throw new Problem("agent_not_found", `The host has no agent "${agentId}".`);
        draft.agents = { ...draft.agents, entries: { ...draft.agents?.entries, [agentId]: {} } };
        return apply(draft.agents.entries![agentId]!, draft);
      },
      shows,
    });
    if (!(await applied)) log("warn", "the gateway has not taken up a change in time", { agentId });
    return result;
  }

  /** A running gateway goes on with the key that it has read, until it is told. */
  async function announceKey(agentId: string): Promise<void> {
    if (!options.announceKeys) return;
    try {
      await gateway.request("models.authRefresh", { operation: "update", agentId });
    } catch (error) {
      if (!(error instanceof GatewayAway)) {
        throw new Problem("gateway_failed", "The gateway did not take up the new key.", { cause: error });
      }
    }
  }

  async function useProvider(agent: HostAgent, entry: AgentEntry, provider: AgentProvider): Promise<void> {
    const current = primaryModel(entry.model);
    const used = ourProviderIn(current);
    if (used !== undefined && used !== provider.name && !used.startsWith(`metered-${provider.slug}`)) {
      // Another provider's key came beside the first; the model stays with that one until it is set.
      const sameSlug = used === `own-${provider.slug}` || used.startsWith(`own-${provider.slug}-`);
      if (!sameSlug) return await declareOnly(provider);
    }
    const asked = used === undefined ? (agent.model ?? current) : current!.slice(used.length + 1);
    const reference = modelReference(provider, asked);
    const declared = (await config.read()).models?.providers?.[provider.name];
    if (reference === current && declared?.baseUrl === provider.baseUrl && declared.apiKey === undefined) return;
    await changeEntry(
      agent.agentId,
      (draftEntry, draft) => {
        declareModel(draft, provider, reference);
        Object.assign(draftEntry, { model: { primary: reference, fallbacks: [] }, utilityModel: "" });
        draftEntry.memory = { ...draftEntry.memory, search: { ...draftEntry.memory?.search, provider: "none" } };
      },
      (roster) => roster[agent.agentId]?.model === reference,
    );
  }

  async function declareOnly(provider: AgentProvider): Promise<void> {
    let reference: string;
    try {
      reference = modelReference(provider, undefined);
    } catch {
      return;
    }
    const { applied } = await change({ apply: (draft) => declareModel(draft, provider, reference), shows: () => true });
    await applied;
  }

  return {
    kind: "openclaw",
    storesCredentials: true,

    async plan({ agentId, workspace, gateway: asked }) {
      if (asked !== undefined) throw noGateway(asked);
      const place = paths.place(agentId, workspace);
      const first = place.path.startsWith(`${stateDir}/`) ? place.path.slice(stateDir.length + 1).split("/")[0]! : "";
      if (openClawDirs.has(first.toLowerCase())) {
        throw new Problem(
          "workspace_not_allowed",
          "The workspace is inside a directory of OpenClaw's own; choose another.",
        );
      }
      return { workspace: place.path, agentDir: agentDirOf(agentId) };
    },

    create: (agent) => turns(agent.agentId, () => make(agent)),
    remove: (agent, what) => turns(agent.agentId, () => remove(agent, what)),

    setCredential: (agent, credential: Credential) =>
      turns(agent.agentId, async () => {
        const entry = await requireEntry(agent.agentId);
        const home = homeOf(agent.agentId);
        const agentDir = entry.agentDir ?? agentDirOf(agent.agentId);
        const provider = providerFor(credential, options.proxyBaseUrl);
        mkdirSync(agentDir, { recursive: true, mode: 0o700 });
        await credentials.store(agentDir, provider, credential.apiKey);
        const marker = readMarker(home) ?? {
          version: 1 as const,
          workspaceMade: false,
          sessionsMade: false,
          bindings: [],
        };
        mkdirSync(home, { recursive: true, mode: 0o700 });
        if (marker.provider !== provider.name) await writeMarker(home, { ...marker, provider: provider.name });
        await useProvider(agent, entry, provider);
        await announceKey(agent.agentId);
        return profileIdFor(credential.provider);
      }),

    bind: (agent, bindings) =>
      turns(agent.agentId, async () => {
        await requireEntry(agent.agentId);
        refuseTaken(await config.read(), agent.agentId, bindings);
        return await changeEntry(agent.agentId, (_, draft) => addBindings(draft, agent.agentId, bindings));
      }),

    update: (agent, { name, model, identity }) =>
      turns(agent.agentId, async () => {
        const entry = await requireEntry(agent.agentId);
        const provider =
          ourProviderIn(primaryModel(entry.model)) &&
          (readMarker(homeOf(agent.agentId))?.provider ?? ourProviderIn(primaryModel(entry.model)));
        const slug = provider?.replace(/^(metered|own)-/, "").replace(/-[0-9a-f]{8}$/, "");
        const reference =
          model === undefined || provider === undefined
            ? model
            : modelReference({ name: provider, slug: slug! }, model);
        await changeEntry(
          agent.agentId,
          (draftEntry, draft) => {
            if (name !== undefined) draftEntry.name = name;
            if (identity) draftEntry.identity = { ...draftEntry.identity, ...identity };
            if (reference === undefined) return;
            draftEntry.model = { primary: reference, fallbacks: [] };
            if (provider !== undefined) declareModelOf(draft, provider, reference);
          },
          (roster) => {
            const shown = roster[agent.agentId];
            return (
              (name === undefined || shown?.name === name) && (reference === undefined || shown?.model === reference)
            );
          },
        );
      }),

    async inspect({ agentId, workspace: known }) {
      const entry = AgentId.safeParse(agentId).success ? new Map(await entries()).get(agentId) : undefined;
      if (!entry) {
        const missing = { workspace: "missing", agentDir: "missing", credentials: "missing" } as const;
        return { reachable: true, ...missing, detail: "The host has no such agent." };
      }
      const agentDir = entry.agentDir ?? agentDirOf(agentId);
      const workspace = entry.workspace ?? known;
      return {
        reachable: true,
        workspace: workspace === undefined ? "unknown" : isDirectory(workspace) ? "ok" : "missing",
        agentDir: isDirectory(agentDir) ? "ok" : "missing",
        credentials: (await credentials.has(agentDir)) ? "ok" : "missing",
      };
    },

    async list({ cursor, limit }) {
      const all = await config.read();
      const after = (await entries()).filter(([id]) => cursor === undefined || id > cursor);
      const page = after.slice(0, limit).map(([id, entry]) => agentOf(all, id, entry, agentDirOf));
      return { agents: page, ...(after.length > limit && { nextCursor: page.at(-1)!.agentId }), unreachable: [] };
    },

    async find(agentId) {
      const all = await config.read();
      const entry = new Map(await entries()).get(agentId);
      return entry && agentOf(all, agentId, entry, agentDirOf);
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
