import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { profileIdFor } from "../../../src/domain/profile-id.ts";
import { absent, overtaken } from "../../../src/host/agent-problems.ts";
import { refuseHold } from "../../../src/host/refuse-hold.ts";
import { settingChanges } from "../../../src/host/setting-changes.ts";
import type { AgentHost, Clock, HostAdoption } from "../../../src/ports.ts";
import { isTemporary, makePrivateDirectory, type Placing, removeDurably, writePrivate } from "../files/atomic-write.ts";
import type { FileLock } from "../files/file-lock.ts";
import { isDirectory } from "../files/is-directory.ts";
import { type AgentEntry, entryPath, entryText, readEntry } from "./agent-entry.ts";
import { type AgentHomes, isForeign, requireHome } from "./agent-homes.ts";
import { nothingBefore } from "./auth-before.ts";
import { giveCredentialsBack, noteCredential, storeCredential } from "./auth-profiles.ts";
import type { EntryIndex } from "./entry-index.ts";

/** A process that was killed in the middle of a write leaves its half of it, and keys in that. */
function sweep(home: string): void {
  for (const directory of [home, join(home, "agent")]) {
    if (!isDirectory(directory)) continue;
    for (const name of readdirSync(directory)) if (isTemporary(name)) rmSync(join(directory, name), { force: true });
  }
}

/** Adoption of agents that others made in this layout, and its undoing. */
export function adoptAgents(tools: {
  homes: AgentHomes;
  index: EntryIndex;
  lock: FileLock;
  clock: Clock;
  defaultWorkspace(agentId: string): string;
}): Pick<AgentHost, "planAdoption" | "adopt" | "release"> {
  const { homes, index, lock, clock, defaultWorkspace } = tools;

  /** @throws Problem `agent_not_found`, `confinement_not_supported` */
  function find({ agent, hold }: HostAdoption): { home: string; before: AgentEntry | undefined } {
    refuseHold(hold);
    const home = requireHome(homes, agent.agentId);
    const before = readEntry(home, "agent");
    if (!before && !isForeign(home)) throw absent(agent.agentId);
    return { home, before };
  }

  /** The entry of an agent of others, which has none, says no more than is known of it. */
  function entryFor(adoption: HostAdoption, home: string, before: AgentEntry | undefined): AgentEntry {
    const { agent, operationId, model } = adoption;
    const workspace = agent.workspace ?? defaultWorkspace(agent.agentId);
    const entry: AgentEntry = before ?? {
      version: 1,
      agentId: agent.agentId,
      name: agent.name,
      workspace: isDirectory(workspace) ? workspace : "",
      bindings: [],
      createdAt: new Date(clock.now()).toISOString(),
      made: { operationId: "", workspace: false, files: [], sessions: false },
    };
    const auth = before?.adopted?.auth ?? nothingBefore();
    return {
      ...entry,
      ...(model !== undefined && { model }),
      made: { operationId, workspace: false, files: [], sessions: false },
      adopted: {
        // An adoption that its records have lost goes on under this one.
        ...(before?.adopted ?? (before && { entry: entryText(home, before) })),
        auth: adoption.credential ? noteCredential(join(home, "agent"), adoption.credential.provider, auth) : auth,
      },
    };
  }

  const isIts = (home: string, operationId: string): boolean =>
    readEntry(home, "agent")?.made.operationId === operationId;

  const whileIts =
    (home: string, agentId: string, operationId: string): Placing =>
    (place) =>
      lock.run(() => {
        if (!isIts(home, operationId)) throw overtaken(agentId);
        place();
        return true;
      });

  return {
    async planAdoption(adoption) {
      const { before } = find(adoption);
      const { model, key } = adoption;
      const order = key && { [key.provider]: [profileIdFor(key.provider)] };
      return settingChanges(
        { ...(before?.model !== undefined && { model: before.model }) },
        { ...((model ?? before?.model) && { model: model ?? before?.model }), ...(order && { auth: { order } }) },
      );
    },

    async adopt(adoption) {
      const { agent, operationId, credential } = adoption;
      const { agentId } = agent;
      const { home, before } = find(adoption);
      // Noted before anything is done.
      if (before?.made.operationId !== operationId) {
        const entry = entryFor(adoption, home, before);
        const placing: Placing = (place) =>
          lock.run(async () => {
            const now = readEntry(home, "agent");
            const isSame = now ? now.made.operationId === before?.made.operationId : !before && isForeign(home);
            if (!isSame || (agent.isCurrent && !(await agent.isCurrent()))) throw overtaken(agentId);
            place();
            return true;
          });
        await writePrivate(entryPath(home, "agent"), entryText(home, entry), placing);
        index.note(entry);
      }
      if (credential) {
        await makePrivateDirectory(join(home, "agent"));
        const { auth } = readEntry(home, "agent")?.adopted ?? {};
        await storeCredential(join(home, "agent"), credential, whileIts(home, agentId, operationId), auth);
      }
      return { model: adoption.model, ...(credential && { profileId: profileIdFor(credential.provider) }) };
    },

    async release({ agentId, operationId }) {
      const home = homes.of(agentId);
      const entry = home === undefined ? undefined : readEntry(home, "agent");
      if (!home) return;
      if (entry?.made.operationId !== operationId || !entry.adopted) {
        if (!entry && isForeign(home)) sweep(home);
        return;
      }
      const whileHere = whileIts(home, agentId, operationId);
      await giveCredentialsBack(join(home, "agent"), entry.adopted.auth, whileHere);
      sweep(home);
      const path = entryPath(home, "agent");
      index.drop(entry);
      const earlier = entry.adopted.entry;
      if (earlier === undefined) await removeDurably(path, whileHere);
      else await writePrivate(path, earlier, whileHere);
    },
  };
}
