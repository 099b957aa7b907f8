import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Problem } from "../../src/errors.ts";
import type { AgentProvider } from "./metered-provider.ts";
import type { ProfileStore, ProviderAuth } from "./sdk.ts";

export interface AgentCredentials {
  /** Stores the key and makes it the only one that is tried; a pause after an earlier key's refusal ends. */
  store(agentDir: string, provider: AgentProvider, key: string): Promise<string>;
  /** The key of that provider's profile. */
  read(agentDir: string, slug: string): Promise<string | undefined>;
  has(agentDir: string): Promise<boolean>;
  /** Takes all keys out, and what is left of them in the file. Resolves to whether there were any. */
  clear(agentDir: string): Promise<boolean>;
  /**
   * Whether this process has had the agent's store open. OpenClaw keeps it open: removed under its hands, it would
   * go on reading and writing the file that is gone.
   */
  opened(agentDir: string): boolean;
}

export const profileIdFor = (slug: string): string => `${slug}:dedicated`;
const storePath = (agentDir: string): string => join(agentDir, "openclaw-agent.sqlite");

/** Agents' keys, in OpenClaw's own store: `openclaw-agent.sqlite` in each agent's directory. */
export function createCredentials(auth: ProviderAuth, stateDir: string): AgentCredentials {
  const openedDirs = new Set<string>();

  async function update(agentDir: string, updater: (store: ProfileStore) => boolean): Promise<void> {
    openedDirs.add(agentDir);
    const stored = await auth.updateAuthProfileStoreWithLock({ agentDir, stateDir, updater });
    if (stored === null)
      throw new Problem("host_unavailable", "The agent's credential store is held by another process.");
  }

  async function look<T>(agentDir: string, at: (store: ProfileStore) => T): Promise<T | undefined> {
    if (!existsSync(storePath(agentDir))) return undefined;
    let seen: T | undefined;
    await update(agentDir, (store) => {
      seen = at(store);
      return false;
    });
    return seen;
  }

  return {
    async store(agentDir, provider, key) {
      const profileId = profileIdFor(provider.slug);
      await update(agentDir, (store) => {
        store.profiles[profileId] = { type: "api_key", provider: provider.name, key, copyToAgents: false };
        // Unpinned, OpenClaw alternates with any shared profile, and tries that one after a refusal.
        store.order = { ...store.order, [provider.name]: [profileId] };
        store.lastGood = { ...store.lastGood, [provider.name]: profileId };
        delete store.usageStats?.[profileId];
        return true;
      });
      return profileId;
    },
    read: (agentDir, slug) => look(agentDir, ({ profiles }) => profiles[profileIdFor(slug)]?.key),
    has: async (agentDir) => (await look(agentDir, ({ profiles }) => Object.keys(profiles).length > 0)) ?? false,
    async clear(agentDir) {
      if (!(await look(agentDir, ({ profiles }) => Object.keys(profiles).length > 0))) return false;
      await update(agentDir, (store) => {
        store.profiles = {};
        store.order = {};
        store.lastGood = {};
        store.usageStats = {};
        return true;
      });
      scrub(storePath(agentDir));
      return true;
    },
    opened: (agentDir) => openedDirs.has(agentDir),
  };
}

/** SQLite leaves what was deleted in free pages and in its log: OpenClaw moves both to the trash, and keeps them. */
function scrub(path: string): void {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  try {
    database.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);");
  } finally {
    database.close();
  }
}
