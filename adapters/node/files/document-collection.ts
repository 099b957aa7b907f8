import { dirname, join } from "node:path";
import { makePrivateDirectory, writePrivate } from "./atomic-write.ts";
import type { FileLock } from "./file-lock.ts";
import { groupCommit } from "./group-commit.ts";
import {
  damaged,
  deepFreeze,
  newerThan,
  parseObject,
  readPrivate,
  type Stamp,
  statOf,
  unchanged,
  unreadable,
} from "./private-file.ts";
import type { StoredCollection } from "./stored-collection.ts";

type Entry = Record<string, unknown>;

interface Contents {
  /** Entries in the order of the file. */
  entries: ReadonlyMap<string, Entry>;
  ids: readonly string[];
}

interface Change {
  id: string;
  /** `undefined` removes it. */
  entry: Entry | undefined;
  isExpected?: (stored: Entry | undefined) => boolean;
  done?: boolean;
}

const none: Contents = { entries: new Map(), ids: [] };

function parseDocument(text: string, file: string): Contents {
  const { version, keys } = parseObject(text, file);
  if (typeof version === "number" && version > 1) throw unreadable(newerThan(file, version, 1));
  if (version !== 1) throw unreadable(damaged(file, `has the version ${JSON.stringify(version)} instead of 1`));
  if (!Array.isArray(keys)) throw unreadable(damaged(file, 'has no list "keys"'));
  const entries = new Map<string, Entry>();
  for (const entry of keys as unknown[]) {
    const id = (entry as Entry | null)?.id;
    if (typeof id !== "string") throw unreadable(damaged(file, 'has an entry without an "id"'));
    if (entries.has(id)) throw unreadable(damaged(file, `has two entries of the id ${JSON.stringify(id)}`));
    entries.set(id, deepFreeze(entry as Entry));
  }
  return { entries, ids: [...entries.keys()].sort() };
}

/**
 * One file `{version, keys: [...], updatedAt}` for a collection that stays small. Each entry carries its `id`.
 * Changes read, alter and replace the file under the lock; those that wait together share one write.
 * @param file relative to the state directory
 * @param now epoch milliseconds
 */
export function documentCollection(
  stateDir: string,
  file: string,
  lock: FileLock,
  now: () => number,
): StoredCollection {
  let cached: { stamp: Stamp; contents: Contents } | undefined;

  const load = (): Contents => {
    const stats = statOf(stateDir, file);
    if (stats && cached && unchanged(cached.stamp, stats)) return cached.contents;
    cached = undefined;
    const read = stats && readPrivate(stateDir, file);
    if (!read) return none;
    const contents = parseDocument(read.text, file);
    cached = { stamp: read.stamp, contents };
    return contents;
  };

  const change = groupCommit<Change>(async (changes) => {
    const path = join(stateDir, file);
    await makePrivateDirectory(dirname(path));
    await lock.run(async () => {
      const entries = new Map(load().entries);
      for (const one of changes) {
        const { id, entry } = one;
        one.done = one.isExpected?.(entries.get(id)) ?? true;
        if (!one.done) continue;
        if (entry) entries.set(id, entry);
        else entries.delete(id);
      }
      if (!changes.some(({ done }) => done)) return;
      const document = { version: 1, keys: [...entries.values()], updatedAt: new Date(now()).toISOString() };
      await writePrivate(path, `${JSON.stringify(document, null, 2)}\n`);
    });
  });

  function entryOf(id: string, text: string): Entry {
    const entry = JSON.parse(text) as Entry;
    if (entry.id !== id) throw new TypeError(`an entry of ${file} must carry the id it is stored under`);
    return entry;
  }

  return {
    get: (id) => load().entries.get(id),
    ids: () => load().ids,
    async set(id, text) {
      await change({ id, entry: entryOf(id, text) });
    },
    async replace(id, isExpected, text) {
      const asked: Change = { id, entry: text === undefined ? undefined : entryOf(id, text), isExpected };
      await change(asked);
      return asked.done === true;
    },
    async remove(id) {
      if (load().entries.has(id)) await change({ id, entry: undefined });
    },
  };
}
