import { mkdirSync } from "node:fs";
import { reservedAgentId } from "../../src/domain/agent-id.ts";
import { profileIdFor } from "../../src/domain/profile-id.ts";
import { Problem } from "../../src/errors.ts";
import { absent, requireCurrent } from "../../src/host/agent-problems.ts";
import type { AgentHost, HostAgent, HostHold } from "../../src/ports.ts";
import { addBindings, literal, refuseTaken, setEntry } from "./config-entries.ts";
import {
  dropOthersModels,
  type Hold,
  holdApart,
  holdIn,
  holdModels,
  holdPlace,
  holdTools,
} from "./doors/held-entry.ts";
import { agentDirIn } from "./held-workspaces.ts";
import { isMadeHere, type MadeMarker, readMarker, writeMarker } from "./made-marker.ts";
import type { HostTools } from "./make-agent.ts";
import {
  type AgentProvider,
  declareModel,
  declareProvider,
  keylessReference,
  modelReference,
  ourProviderIn,
  providerFor,
  slugIn,
  withoutKey,
} from "./metered-provider.ts";
import { modelForKey } from "./model-for-key.ts";
import { type AgentEntry, type OpenClawConfig, primaryModel } from "./openclaw-config.ts";
import { entryIn } from "./read-agents.ts";

/** Models that the agent may be called with: those of each provider for which it has a key of its own. */
const ownModels = (entry: AgentEntry, provider: string): string[] => [
  ...new Set([...(entry.modelPolicy?.allow ?? []).filter((one) => ourProviderIn(one) !== undefined), `${provider}/*`]),
];

/** @throws Problem `confinement_not_supported` where there is nothing that tools or peers would be beside of */
function nextHold(entry: AgentEntry, agentId: string, asked: HostHold): Hold | undefined {
  const { confinement, tools, peers } = asked;
  if (confinement === undefined && tools === undefined && peers === undefined) return undefined;
  const before = holdIn(entry, agentId);
  const next = confinement ?? before?.confinement;
  if (next === undefined) {
    throw new Problem(
      "confinement_not_supported",
      `The agent "${agentId}" is not confined so far; give "confinement" too.`,
    );
  }
  return { confinement: next, tools: tools ?? before?.tools ?? [], peers: peers ?? before?.peers ?? [] };
}

/** The model to be, where it changes, or where one that is not the agent's own stands in the way of confining it. */
function nextReference(
  entry: AgentEntry,
  provider: string | undefined,
  model: string | undefined,
  confines: boolean,
  config: OpenClawConfig,
): string | undefined {
  if (provider === undefined) return keylessReference(model);
  const current = primaryModel(entry.model);
  if (model === undefined) {
    if (!confines) return undefined;
    if (ourProviderIn(current) !== undefined) return current;
  }
  return modelReference({ name: provider, slug: slugIn(provider, config) }, model);
}

/** Changes of agents that are there, also of those that others made. */
export function createAgentChanges(
  tools: HostTools,
): Pick<AgentHost, "setCredential" | "dropCredential" | "bind" | "update"> {
  const { config, changes, credentials, homeOf } = tools;

  /** An agent's latest change may be in the file alone: a reload that is slow has yet to show it. */
  async function configWith(agentId: string): Promise<OpenClawConfig> {
    const live = await config.read();
    return entryIn(live, agentId) && !changes.isTakingUp(agentId) ? live : await config.source();
  }

  async function requireEntry(agentId: string): Promise<AgentEntry> {
    const entry = entryIn(await configWith(agentId), agentId);
    if (!entry) throw absent(agentId);
    return entry;
  }

  /** An entry that went away meanwhile is not made anew; the implicit agent gets one, as from OpenClaw itself. */
  async function changeEntry<T>(agentId: string, apply: (entry: AgentEntry, draft: OpenClawConfig) => T): Promise<T> {
    const { result, takenUp } = await changes.make({
      agentId,
      apply(draft) {
        const there = draft.agents?.entries?.[agentId];
        if (!there && agentId !== reservedAgentId) throw absent(agentId);
        const entry = structuredClone(there ?? {});
        const value = apply(entry, draft);
        setEntry(draft, agentId, entry);
        return value;
      },
    });
    await takenUp();
    return result;
  }

  /** Puts the agent's model where its key is, and keeps every other call of a model there. */
  async function useProvider(agent: HostAgent, provider: AgentProvider, asked: string | undefined): Promise<void> {
    const { agentId } = agent;
    const before = await configWith(agentId);
    const entry = entryIn(before, agentId);
    if (!entry) throw absent(agentId);
    const madeHere = isMadeHere(readMarker(homeOf(agentId)));
    const current = primaryModel(entry.model) ?? agent.model;
    const reference = modelForKey(provider, asked, { current, madeHere }, before) ?? current!;
    const declared = before.models?.providers?.[provider.name];
    const isDeclared = declared?.baseUrl === provider.baseUrl && declared.apiKey === undefined;
    const models = ownModels(entry, provider.name);
    const isAllowed = models.every((one) => entry.modelPolicy?.allow?.includes(one));
    const isSo = isDeclared && isAllowed && reference === primaryModel(entry.model);
    if (isSo && !changes.isTakingUp(agentId)) return;
    await changeEntry(agentId, (draftEntry, draft) => {
      declareProvider(draft, provider);
      declareModel(draft, reference);
      holdModels(draftEntry, { primary: reference, allow: models }, draft);
    });
  }

  return {
    async setCredential(agent, credential, model) {
      const { agentId } = agent;
      const entry = await requireEntry(agentId);
      const home = homeOf(agentId);
      const agentDir = agentDirIn(entry, home, tools);
      const provider = providerFor(credential, tools.proxyBaseUrl);
      // Refuses before anything is changed.
      const marker: MadeMarker = readMarker(home) ?? {
        version: 1,
        workspaceMade: false,
        sessionsMade: false,
        bindings: [],
      };
      const current = primaryModel(entry.model) ?? agent.model;
      modelForKey(provider, model, { current, madeHere: isMadeHere(marker) }, await config.read());
      await requireCurrent(agent);
      for (const path of [home, agentDir]) mkdirSync(path, { recursive: true, mode: 0o700 });
      if (marker.adopted) {
        const auth = await credentials.noteBefore(agentDir, provider, marker.adopted.auth);
        marker.adopted = { ...marker.adopted, auth };
        await writeMarker(home, marker);
        await credentials.keepBefore(agentDir, auth);
      }
      await credentials.store(agentDir, provider, credential.apiKey);
      if (marker.provider !== provider.name) await writeMarker(home, { ...marker, provider: provider.name });
      await useProvider(agent, provider, model);
      await tools.announceKey(agentId);
      return profileIdFor(credential.provider);
    },

    async dropCredential(agent, slug) {
      const { agentId } = agent;
      const before = await configWith(agentId);
      const entry = entryIn(before, agentId);
      if (!entry) return;
      await requireCurrent(agent);
      const home = homeOf(agentId);
      await credentials.remove(agentDirIn(entry, home, tools), slug);
      const marker = readMarker(home);
      if (marker?.provider !== undefined && slugIn(marker.provider, before) === slug) {
        const { provider: _, profileId: __, ...rest } = marker;
        await writeMarker(home, rest);
      }
      const isOf = (reference: string | undefined) => {
        const name = ourProviderIn(reference);
        return name !== undefined && slugIn(name, before) === slug;
      };
      const current = primaryModel(entry.model);
      if (isOf(current) || entry.modelPolicy?.allow?.some(isOf)) {
        const kept = current !== undefined && isOf(current) ? withoutKey(current) : undefined;
        await changeEntry(agentId, (draftEntry, draft) => {
          const allow = (draftEntry.modelPolicy?.allow ?? []).filter((one) => !isOf(one));
          if (kept !== undefined) holdModels(draftEntry, { primary: kept, allow: [...allow, kept] }, draft);
          else draftEntry.modelPolicy = { ...draftEntry.modelPolicy, allow };
        });
      }
      await tools.announceKey(agentId);
    },

    async bind(agent, bindings) {
      const { agentId } = agent;
      await requireEntry(agentId);
      await requireCurrent(agent);
      refuseTaken(await config.read(), agentId, bindings);
      return await changeEntry(agentId, (_, draft) => addBindings(draft, agentId, bindings));
    },

    async update(agent, { name, model, identity, ...asked }) {
      const { agentId } = agent;
      const found = await requireEntry(agentId);
      const hold = nextHold(found, agentId, asked);
      if (hold) await tools.checkHold(agentId, hold);
      // With keys of several providers, a model's name alone does not say whose it is: it is the last key's.
      const provider = readMarker(homeOf(agentId))?.provider ?? ourProviderIn(primaryModel(found.model));
      const reference = nextReference(found, provider, model, hold !== undefined, await configWith(agentId));
      await requireCurrent(agent);
      // An agent that was adopted as it is keeps the tools that it has until it is confined otherwise.
      const stays = hold?.confinement === "trusted" && holdIn(found, agentId)?.confinement === "trusted";
      await changeEntry(agentId, (entry, draft) => {
        if (name !== undefined) entry.name = literal(name);
        if (identity) entry.identity = { ...entry.identity, ...literal(identity) };
        if (reference !== undefined) {
          const allow = provider === undefined ? [reference] : ownModels(entry, provider);
          holdModels(entry, { primary: reference, allow }, draft);
          declareModel(draft, reference);
        }
        if (!hold) return;
        if (provider !== undefined) dropOthersModels(entry);
        if (stays) holdApart(entry, agentId, hold.peers);
        else holdTools(entry, agentId, hold, tools.isLookedAt);
        holdPlace(entry, hold, draft, agent.workspace);
      });
    },
  };
}
