import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Driver, defineDriver } from "unstorage";
import type { IdPage, ReplaceItem } from "../../../src/storage/records.ts";
import { isTemporary } from "./atomic-write.ts";
import { directoryCollection } from "./directory-collection.ts";
import { documentCollection } from "./document-collection.ts";
import { createFileLock } from "./file-lock.ts";
import { firstAfter } from "./first-after.ts";
import { findingOf, type StoreFinding } from "./private-file.ts";
import { checkStore } from "./store-check.ts";
import type { StoredCollection } from "./stored-collection.ts";

/** The state directory, and the modes in it. */
export interface PrivateFsOptions {
  /** Absolute; `provisioning/` is made inside it at the first write. */
  stateDir: string;
  /** Epoch milliseconds, for `updatedAt`. */
  now?: () => number;
  /** The mode that the audit trail's files may have. */
  auditMode?: number;
}

const directories = ["agents", "ai-keys", "revocations"];
const leftoverMs = 10 * 60_000;

/** Removes what a crash in the middle of a write left; a running write is never this old. */
function sweep(directory: string): void {
  try {
    for (const name of readdirSync(directory)) {
      if (!isTemporary(name)) continue;
      const path = join(directory, name);
      if (Date.now() - statSync(path).mtimeMs > leftoverMs) rmSync(path, { force: true });
    }
  } catch {
    // Nothing there yet, or not ours to touch: reading and writing will say so.
  }
}

/** Records as JSON files that only the service's user can read. */
export interface PrivateFs {
  driver: Driver;
  /** Taken by `createRecords`: one page of ids in ascending order, without touching the others. */
  page: IdPage;
  /** Taken by `createRecords`. */
  replace: ReplaceItem;
  /** Everything that is wrong with the files, for the start, `/readyz` and `doctor`. Changes nothing. */
  check(): Promise<StoreFinding[]>;
}

/**
 * Unstorage driver for `<stateDir>/provisioning`: private, atomic, durable, safe between processes. Keys and files
 * are those of `src/storage/keyspace.ts`. Values handed out are frozen. Failures are Problems: `store_unreadable`
 * names the file and the remedy and leaves the file untouched, `store_unwritable` says why.
 */
export function createPrivateFs({ stateDir, now = Date.now, auditMode = 0o600 }: PrivateFsOptions): PrivateFs {
  const lock = createFileLock(join(stateDir, "provisioning", "locks.sqlite"));
  // Another one: the former is held for as long as a whole document takes to be written.
  const recordLock = createFileLock(join(stateDir, "provisioning", "records.sqlite"), { logged: false });
  const collections = new Map<string, StoredCollection>([
    ["keys", documentCollection(stateDir, "provisioning/keys.json", lock, now)],
    ["ai-providers", documentCollection(stateDir, "provisioning/ai-providers.json", lock, now)],
    ["webhooks", documentCollection(stateDir, "provisioning/webhooks.json", lock, now)],
  ]);
  for (const name of directories)
    collections.set(name, directoryCollection(stateDir, `provisioning/${name}`, recordLock));
  for (const name of ["", ...directories]) sweep(join(stateDir, "provisioning", name));

  const locate = (key: string): { collection: StoredCollection; id: string } | undefined => {
    const [name = "", id = "", ...rest] = key.split(":");
    const collection = collections.get(name);
    return collection && rest.length === 0 && /^[A-Za-z0-9_-]+$/.test(id) ? { collection, id } : undefined;
  };
  const mustLocate = (key: string): { collection: StoredCollection; id: string } => {
    const found = locate(key);
    if (!found) throw new TypeError("not a key of this store");
    return found;
  };
  const get = (key: string): Record<string, unknown> | null => {
    const found = locate(key);
    return found?.collection.get(found.id) ?? null;
  };

  const driver = defineDriver<undefined, never>(() => ({
    name: "private-fs",
    hasItem: (key) => get(key) !== null,
    getItem: get,
    async setItem(key, value) {
      const { collection, id } = mustLocate(key);
      await collection.set(id, value);
    },
    async removeItem(key) {
      const { collection, id } = mustLocate(key);
      await collection.remove(id);
    },
    getKeys: (base) =>
      [...collections].flatMap(([name, collection]) =>
        `${name}:`.startsWith(base) || base.startsWith(`${name}:`) ? collection.ids().map((id) => `${name}:${id}`) : [],
      ),
    async dispose() {
      await Promise.all([lock.close(), recordLock.close()]);
    },
  }));

  return {
    driver: driver(undefined),
    page(collection, after, limit) {
      const ids = collections.get(collection)?.ids() ?? [];
      const first = firstAfter(ids, after);
      return ids.slice(first, first + limit);
    },
    async replace(key, isExpected, next) {
      const { collection, id } = mustLocate(key);
      return await collection.replace(id, isExpected, next === null ? undefined : JSON.stringify(next));
    },
    async check() {
      const findings = await checkStore(stateDir, collections, auditMode);
      for (const one of [lock, recordLock]) {
        try {
          await one.check();
        } catch (error) {
          const finding = findingOf(error);
          if (!finding) throw error;
          findings.push(finding);
        }
      }
      return findings;
    },
  };
}
