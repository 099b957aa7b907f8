import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { profileIdFor } from "../../src/domain/profile-id.ts";
import { type AuthBefore, asideOf, noteBefore, profilesBefore } from "../node/directory-host/auth-before.ts";
import type { KeyStore, StoreView } from "./key-store.ts";
import { type AgentProvider, isOurProvider } from "./metered-provider.ts";

export interface AgentCredentials {
  /** Stores the key and makes it the only one that is tried; a pause after an earlier key's refusal ends. */
  store(agentDir: string, provider: AgentProvider, key: string): Promise<string>;
  has(agentDir: string): Promise<boolean>;
  /** Whether an agent that is gone has left keys or conversations in the store. */
  hasPast(agentDir: string): Promise<boolean>;
  /** Adds to `before` what the agent has that a key for this provider takes the place of, where it is not in it yet. */
  noteBefore(agentDir: string, provider: AgentProvider, before: AuthBefore): Promise<AuthBefore>;
  /** Puts aside, inside the store, each profile that is to be given back. */
  keepBefore(agentDir: string, before: AuthBefore): Promise<void>;
  /** Takes out what was stored over `before`, and puts back what was there. */
  giveBack(agentDir: string, before: AuthBefore): Promise<void>;
  /** Takes the provider's key out. The order stays pinned to it: no other takes its place. */
  remove(agentDir: string, slug: string): Promise<void>;
  /** Takes the keys of all our providers out, noted or not: a creation may have been killed before it noted its own. */
  removeOurs(agentDir: string): Promise<void>;
  /** Takes all keys out, and what is left of them in the file. Resolves to whether there were any. */
  clear(agentDir: string): Promise<boolean>;
  /**
   * Whether this process has the agent's store open. Removed under its hands, OpenClaw would go on reading and
   * writing the file that is gone.
   */
  isOpen(agentDir: string): boolean;
}

const storePath = (agentDir: string): string => join(agentDir, "openclaw-agent.sqlite");

/** Agents' keys, in OpenClaw's own store: `openclaw-agent.sqlite` in each agent's directory. */
export function createCredentials(keys: KeyStore): AgentCredentials {
  const open = new Set<string>();
  const update: KeyStore["update"] = (agentDir, patch) => {
    if (keys.keepsOpen) open.add(agentDir);
    return keys.update(agentDir, patch);
  };
  const read = async (agentDir: string): Promise<StoreView> =>
    existsSync(storePath(agentDir)) ? await update(agentDir) : { profiles: {} };
  const has = async (agentDir: string): Promise<boolean> => Object.keys((await read(agentDir)).profiles).length > 0;

  return {
    async store(agentDir, { name, slug }, key) {
      const id = profileIdFor(slug);
      await update(agentDir, {
        profiles: { [id]: { type: "api_key", provider: name, key, copyToAgents: false } },
        // Unpinned, OpenClaw alternates with any shared profile, and tries that one after a refusal.
        order: { [name]: [id] },
        lastGood: { [name]: id },
        forgive: [id],
      });
      return id;
    },
    has,
    hasPast: async (agentDir) => hasSessions(storePath(agentDir)) || (await has(agentDir)),
    async noteBefore(agentDir, { name, slug }, before) {
      const id = profileIdFor(slug);
      if (Object.hasOwn(before.profiles, id) && Object.hasOwn(before.order, name)) return before;
      return noteBefore(await read(agentDir), { profileId: id, provider: name }, before);
    },
    async keepBefore(agentDir, before) {
      const kept = profilesBefore(before, true);
      if (kept.length > 0) await update(agentDir, { copies: Object.fromEntries(kept.map((id) => [asideOf(id), id])) });
    },
    async giveBack(agentDir, before) {
      if (!existsSync(storePath(agentDir))) return;
      await update(agentDir, {
        profiles: Object.fromEntries(profilesBefore(before, false).map((id) => [id, null])),
        moves: Object.fromEntries(profilesBefore(before, true).map((id) => [id, asideOf(id)])),
        order: before.order,
        lastGood: before.lastGood,
        forgive: Object.keys(before.profiles),
      });
    },
    async remove(agentDir, slug) {
      const id = profileIdFor(slug);
      if (existsSync(storePath(agentDir))) await update(agentDir, { profiles: { [id]: null }, forgive: [id] });
    },
    async removeOurs(agentDir) {
      const ours = Object.entries((await read(agentDir)).profiles)
        .filter(([, { provider }]) => isOurProvider(provider))
        .map(([id]) => id);
      if (ours.length === 0) return;
      await update(agentDir, { profiles: Object.fromEntries(ours.map((id) => [id, null])), forgive: ours });
    },
    async clear(agentDir) {
      if (!(await has(agentDir))) return false;
      await update(agentDir, { clear: true });
      scrub(storePath(agentDir));
      return true;
    },
    isOpen: (agentDir) => open.has(agentDir),
  };
}

/**
 * There is no function for this in the plugin SDK; the table is only read. A store that cannot be read may have some.
 */
function hasSessions(path: string): boolean {
  if (!existsSync(path)) return false;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
    const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'session_nodes'").get();
    return table !== undefined && database.prepare("SELECT 1 FROM session_nodes LIMIT 1").get() !== undefined;
  } catch {
    return true;
  } finally {
    database?.close();
  }
}

/** SQLite leaves what was deleted in free pages and in its log, and OpenClaw moves both to the trash. */
function scrub(path: string): void {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  try {
    database.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);");
  } finally {
    database.close();
  }
}
