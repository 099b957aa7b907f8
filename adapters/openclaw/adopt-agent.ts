import { mkdirSync } from "node:fs";
import { profileIdFor } from "../../src/domain/profile-id.ts";
import { Problem } from "../../src/errors.ts";
import { absent, overtaken } from "../../src/host/agent-problems.ts";
import { settingChanges } from "../../src/host/setting-changes.ts";
import type { AgentHost, HostAdoption } from "../../src/ports.ts";
import { nothingBefore } from "../node/directory-host/auth-before.ts";
import { setEntry } from "./config-entries.ts";
import { dropOthersModels, type Hold, holdApart, holdModels, holdPlace, holdTools } from "./doors/held-entry.ts";
import { refuseUnmetered } from "./doors/open-doors.ts";
import { agentDirIn } from "./held-workspaces.ts";
import { dropMarker, isMadeBy, MadeMarker, readMarker, writeMarker } from "./made-marker.ts";
import type { HostTools } from "./make-agent.ts";
import {
  type AgentProvider,
  declareModel,
  declareProvider,
  keylessReference,
  providerFor,
  shownModel,
} from "./metered-provider.ts";
import { modelForKey } from "./model-for-key.ts";
import { type AgentEntry, primaryModel } from "./openclaw-config.ts";
import { entryIn } from "./read-agents.ts";

const sameEntry = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

const entryChanged = (agentId: string): Problem =>
  new Problem("agent_busy", `The entry of the agent "${agentId}" was changed meanwhile; try again in a moment.`);

/** The entry to be, and what it takes the place of. */
interface Adopted {
  /** As it is now: `before`, or what an adoption has made of it that its records have lost. */
  now: AgentEntry | undefined;
  /** Absent: the implicit default agent has none. */
  before: AgentEntry | undefined;
  next: AgentEntry;
  /** A whole reference, where the model changes. */
  model: string | undefined;
  provider: AgentProvider | undefined;
  hold: Hold;
}

/** Adoption of agents that others made, and its undoing. */
export function createAgentAdopter(tools: HostTools): Pick<AgentHost, "planAdoption" | "adopt" | "release"> {
  const { config, changes, credentials, homeOf } = tools;

  async function adopted({ agent, model: asked, hold: wanted, key, heldToQuota }: HostAdoption): Promise<Adopted> {
    const { agentId } = agent;
    const source = await config.source();
    if (!entryIn(source, agentId)) throw absent(agentId);
    const marker = readMarker(homeOf(agentId));
    const now = source.agents?.entries?.[agentId];
    const before = marker?.adopted ? entryBefore(marker) : now;
    // As it exists it may do what it can: nothing is taken from it that nobody asked to take.
    const hold: Hold = {
      confinement: wanted.confinement ?? "trusted",
      tools: [...new Set(wanted.tools)],
      peers: [...new Set(wanted.peers)],
    };
    await tools.checkHold(agentId, hold);
    if (heldToQuota) refuseUnmetered(await config.read(), tools.openclaw, hold.confinement);
    const provider = key && providerFor({ ...key, apiKey: "" }, tools.proxyBaseUrl);
    const noted = primaryModel(before?.model);
    const current = noted?.includes("${") ? primaryModel(now?.model) : noted;
    const model = provider
      ? (modelForKey(provider, asked, { current, madeHere: false }, source) ?? current)
      : keylessReference(asked);
    const next = structuredClone(before ?? {});
    if (model !== undefined) {
      holdModels(next, { primary: model, allow: provider ? [`${provider.name}/*`] : [model] }, source);
    }
    if (provider) dropOthersModels(next);
    if (hold.confinement === "trusted") holdApart(next, agentId, hold.peers);
    else holdTools(next, agentId, hold, tools.isLookedAt);
    holdPlace(next, hold, source, agent.workspace);
    return { now, before, next, model, provider, hold };
  }

  /** A variable may stand for a secret, and for another one at the release. */
  async function writtenEntry(agentId: string, before: AgentEntry | undefined): Promise<AgentEntry | undefined> {
    const entry = (await config.authored()).agents?.entries?.[agentId];
    if (!before || !entry) return before;
    return { ...entry, ...(before.agentDir !== undefined && { agentDir: before.agentDir }) };
  }

  /** Noted before anything is done; the marker of an adoption that its records have lost goes on under this one. */
  async function noteAdoption({ agent, operationId }: HostAdoption, what: Adopted): Promise<MadeMarker> {
    const home = homeOf(agent.agentId);
    const there = readMarker(home);
    if (there?.operationId === operationId) return there;
    if (agent.isCurrent && !(await agent.isCurrent())) throw overtaken(agent.agentId);
    const { before, provider } = what;
    const written = there?.adopted ? undefined : await writtenEntry(agent.agentId, before);
    const auth = there?.adopted?.auth ?? nothingBefore();
    const agentDir = agentDirIn(before, homeOf(agent.agentId), tools);
    const noted = provider ? await credentials.noteBefore(agentDir, provider, auth) : auth;
    const marker: MadeMarker = {
      version: 1,
      operationId,
      workspaceMade: false,
      sessionsMade: false,
      bindings: [],
      adopted: {
        ...(written && { entry: JSON.stringify(written) }),
        ...(there && !there.adopted && { marker: JSON.stringify(there) }),
        ...there?.adopted,
        auth: noted,
      },
    };
    mkdirSync(home, { recursive: true, mode: 0o700 });
    await writeMarker(home, marker);
    return marker;
  }

  /** @throws Problem `agent_busy` where another has undone it meanwhile, or adopted the agent anew */
  function requireIts({ agent: { agentId }, operationId }: HostAdoption): void {
    if (!isMadeBy(homeOf(agentId), { operationId })) throw overtaken(agentId);
  }

  async function writeEntry(adoption: HostAdoption, what: Adopted): Promise<void> {
    const { agentId } = adoption.agent;
    const { now, next, model, provider } = what;
    const { takenUp } = await changes.make({
      agentId,
      apply(draft) {
        requireIts(adoption);
        const there = draft.agents?.entries?.[agentId];
        if (!sameEntry(there, now) && !sameEntry(there, next)) throw entryChanged(agentId);
        if (provider) declareProvider(draft, provider);
        if (model !== undefined) declareModel(draft, model);
        setEntry(draft, agentId, structuredClone(next));
      },
    });
    await takenUp(true);
  }

  /** An agent that is gone since, or that somebody made anew in another place, is left alone. */
  async function giveEntryBack(agentId: string, marker: MadeMarker): Promise<void> {
    const before = entryBefore(marker);
    const now = (await config.source()).agents?.entries?.[agentId];
    if (!now || (sameEntry(now, before) && !changes.isTakingUp(agentId))) return;
    const { takenUp } = await changes.make({
      agentId,
      apply(draft) {
        if (!isMadeBy(homeOf(agentId), marker)) throw overtaken(agentId);
        const entries = draft.agents?.entries;
        if (!entries?.[agentId]) return;
        // Without an entry beside those of others, the default agent would be gone.
        if (before === undefined && Object.keys(entries).length === 1) delete entries[agentId];
        else setEntry(draft, agentId, before ?? {});
      },
      removes: before === undefined,
    });
    await takenUp();
  }

  return {
    async planAdoption(adoption) {
      const { now, next } = await adopted(adoption);
      // A variable stays, and what it stands for may be a secret.
      return settingChanges(now ?? {}, next).filter(({ after }) => !after?.includes("${"));
    },

    async adopt(adoption) {
      const { agent, credential } = adoption;
      const { agentId } = agent;
      const what = await adopted(credential ? { ...adoption, key: credential } : adoption);
      const { provider, model, hold } = what;
      const home = homeOf(agentId);
      const marker = await noteAdoption(adoption, what);
      if (credential && provider) {
        const agentDir = agentDirIn(what.before, home, tools);
        mkdirSync(agentDir, { recursive: true, mode: 0o700 });
        await credentials.keepBefore(agentDir, marker.adopted!.auth);
        requireIts(adoption);
        marker.profileId = await credentials.store(agentDir, provider, credential.apiKey);
        requireIts(adoption);
        marker.provider = provider.name;
        await writeMarker(home, marker);
      }
      await writeEntry(adoption, what);
      if (credential) await tools.announceKey(agentId);
      return {
        model: shownModel(model),
        confinement: hold.confinement,
        ...(credential && { profileId: profileIdFor(credential.provider) }),
      };
    },

    async release({ agentId, operationId }) {
      const home = homeOf(agentId);
      const marker = readMarker(home);
      if (marker?.operationId !== operationId || !marker.adopted) return;
      const { auth, marker: earlier } = marker.adopted;
      await giveEntryBack(agentId, marker);
      if (!isMadeBy(home, marker)) return;
      await credentials.giveBack(agentDirIn(entryBefore(marker), home, tools), auth);
      await tools.announceKey(agentId);
      if (!isMadeBy(home, marker)) return;
      if (earlier === undefined) dropMarker(home);
      else await writeMarker(home, MadeMarker.parse(JSON.parse(earlier)));
    },
  };
}

const entryBefore = ({ adopted }: MadeMarker): AgentEntry | undefined =>
  adopted?.entry === undefined ? undefined : (JSON.parse(adopted.entry) as AgentEntry);
