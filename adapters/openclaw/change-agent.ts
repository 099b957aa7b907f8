import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { reservedAgentId } from "../../src/domain/agent-id.ts";
import { Problem } from "../../src/errors.ts";
import type { AgentHost, HostAgent } from "../../src/ports.ts";
import { addBindings, bindingsOf, refuseTaken } from "./config-entries.ts";
import { profileIdFor } from "./credentials.ts";
import { readMarker, writeMarker } from "./made-marker.ts";
import type { HostTools } from "./make-agent.ts";
import {
  type AgentProvider,
  declareModel,
  declareProvider,
  isAnothers,
  keylessReference,
  loadsPlugins,
  modelReference,
  ourProviderIn,
  providerFor,
  shownModel,
  slugIn,
} from "./metered-provider.ts";
import { type AgentEntry, type Live, type OpenClawConfig, primaryModel } from "./openclaw-config.ts";
import { entryIn } from "./read-agents.ts";

const isPartOf = (part: object, whole: Record<string, unknown>): boolean =>
  Object.entries(part).every(([key, value]) => whole[key] === value);

const absent = (agentId: string) => new Problem("agent_not_found", `The host has no agent "${agentId.slice(0, 64)}".`);

/** Changes of agents that are there, also of those that others made. */
export function createAgentChanges(tools: HostTools): Pick<AgentHost, "setCredential" | "bind" | "update"> {
  const { config, changes, credentials, homeOf, log } = tools;

  async function requireEntry(agentId: string): Promise<AgentEntry> {
    const entry = entryIn(await config.read(), agentId);
    if (!entry) throw absent(agentId);
    return entry;
  }

  /** An entry that went away meanwhile is not made anew; the implicit agent gets one, as from OpenClaw itself. */
  async function changeEntry<T>(
    agentId: string,
    apply: (entry: AgentEntry, draft: OpenClawConfig) => T,
    shows: (live: Live) => boolean,
    awaited = true,
  ): Promise<T> {
    const { result, applied } = await changes.make({
      apply(draft) {
        const there = draft.agents?.entries?.[agentId];
        if (!there && agentId !== reservedAgentId) throw absent(agentId);
        const entry = structuredClone(there ?? {});
        const value = apply(entry, draft);
        draft.agents = { ...draft.agents, entries: { ...draft.agents?.entries, [agentId]: entry } };
        return value;
      },
      shows,
      awaited,
    });
    if (awaited && !(await applied)) log("warn", "the gateway has not taken up a change in time", { agentId });
    return result;
  }

  /** Puts the agent's model where its key is. The model of another provider's key stays, until it is set. */
  async function useProvider(agent: HostAgent, entry: AgentEntry, provider: AgentProvider): Promise<void> {
    const current = primaryModel(entry.model);
    const stays = isAnothers(current, provider.slug);
    const reference = stays ? current! : modelReference(provider, shownModel(current) ?? agent.model);
    const declared = (await config.read()).models?.providers?.[provider.name];
    const isDeclared = declared?.baseUrl === provider.baseUrl && declared.apiKey === undefined;
    if (isDeclared && reference === current) return;
    await changeEntry(
      agent.agentId,
      (draftEntry, draft) => {
        declareProvider(draft, provider);
        if (stays) return;
        declareModel(draft, reference);
        draftEntry.model = { primary: reference, fallbacks: [] };
        draftEntry.utilityModel = "";
        draftEntry.memory = { ...draftEntry.memory, search: { ...draftEntry.memory?.search, provider: "none" } };
      },
      ({ agents, providers }) =>
        agents[agent.agentId]?.model === reference &&
        (providers?.[provider.name] ?? provider.baseUrl) === provider.baseUrl,
    );
  }

  return {
    async setCredential(agent, credential) {
      const { agentId } = agent;
      const entry = await requireEntry(agentId);
      const home = homeOf(agentId);
      const agentDir = entry.agentDir ?? join(home, "agent");
      const provider = providerFor(credential, tools.proxyBaseUrl);
      for (const path of [home, agentDir]) mkdirSync(path, { recursive: true, mode: 0o700 });
      await credentials.store(agentDir, provider, credential.apiKey);
      const marker = readMarker(home) ?? { version: 1, workspaceMade: false, sessionsMade: false, bindings: [] };
      if (marker.provider !== provider.name) await writeMarker(home, { ...marker, provider: provider.name });
      await useProvider(agent, entry, provider);
      await tools.announceKey(agentId);
      return profileIdFor(credential.provider);
    },

    async bind({ agentId }, bindings) {
      await requireEntry(agentId);
      refuseTaken(await config.read(), agentId, bindings);
      return await changeEntry(
        agentId,
        (_, draft) => addBindings(draft, agentId, bindings),
        (live) => {
          const held = live.bindings && bindingsOf({ bindings: live.bindings }, agentId);
          return held === undefined || bindings.every((one) => held.includes(one) || held.includes(`${one}:default`));
        },
      );
    },

    async update({ agentId }, { name, model, identity }) {
      const used = ourProviderIn(primaryModel((await requireEntry(agentId)).model));
      // With keys of several providers, a model's name alone does not say whose it is: it is the last key's.
      const provider = used && (readMarker(homeOf(agentId))?.provider ?? used);
      const reference =
        provider === undefined || model === undefined
          ? keylessReference(model)
          : modelReference({ name: provider, slug: slugIn(provider) }, model);
      await changeEntry(
        agentId,
        (entry, draft) => {
          if (name !== undefined) entry.name = name;
          if (identity) entry.identity = { ...entry.identity, ...identity };
          if (reference === undefined) return;
          entry.model = { primary: reference, fallbacks: [] };
          declareModel(draft, reference);
        },
        ({ agents: { [agentId]: seen } }) =>
          (name === undefined || seen?.name === name) &&
          (reference === undefined || seen?.model === reference) &&
          (seen?.identity === undefined || isPartOf(identity ?? {}, seen.identity)),
        !loadsPlugins(reference),
      );
    },
  };
}
