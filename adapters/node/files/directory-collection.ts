import { join } from "node:path";
import { makePrivateDirectory, type Placing, removeDurably, writePrivate } from "./atomic-write.ts";
import type { FileLock } from "./file-lock.ts";
import {
  deepFreeze,
  distrust,
  namesIn,
  parseObject,
  readPrivate,
  type Stamp,
  stampOf,
  statOf,
  unchanged,
  unreadable,
} from "./private-file.ts";
import type { StoredCollection } from "./stored-collection.ts";
import { createTurns } from "./turns.ts";

const recordFile = /^([A-Za-z0-9_-]{1,64})\.json$/;

/** Some 100 MB of records; the oldest read makes room. */
const maxCached = 50_000;

/**
 * One file a record, for what grows with the number of agents: a change costs the same however many there are.
 * @param directory relative to the state directory
 * @param lock held while a file is looked at and replaced: for a moment, as nothing is waited for meanwhile
 */
export function directoryCollection(stateDir: string, directory: string, lock: FileLock): StoredCollection {
  const cache = new Map<string, { stamp: Stamp; value: Record<string, unknown> }>();
  /** Writes to one record happen in the order in which they were asked for, so that the last one wins. */
  const inTurn = createTurns();
  let listing: { stamp: Stamp; ids: string[] } | undefined;

  const pathOf = (id: string): string => join(stateDir, directory, `${id}.json`);

  const get = (id: string): Record<string, unknown> | undefined => {
    const file = `${directory}/${id}.json`;
    const stats = statOf(stateDir, file);
    const known = cache.get(id);
    if (stats && known && unchanged(known.stamp, stats)) return known.value;
    cache.delete(id);
    const read = stats && readPrivate(stateDir, file);
    if (!read) return undefined;
    const value = deepFreeze(parseObject(read.text, file));
    if (cache.size >= maxCached) cache.delete(cache.keys().next().value!);
    cache.set(id, { stamp: read.stamp, value });
    return value;
  };

  return {
    get,

    ids() {
      const readAt = Date.now();
      const stats = statOf(stateDir, directory);
      if (!stats) return [];
      if (listing && unchanged(listing.stamp, stats)) return listing.ids;
      const finding = distrust(stats, directory, "directory");
      if (finding) throw unreadable(finding);
      const ids: string[] = [];
      for (const name of namesIn(stateDir, directory)) {
        const id = recordFile.exec(name)?.[1];
        if (id !== undefined) ids.push(id);
      }
      listing = { stamp: stampOf(stats, readAt), ids: ids.sort() };
      return listing.ids;
    },

    set: (id, text) =>
      inTurn(id, async () => {
        await makePrivateDirectory(join(stateDir, directory));
        await writePrivate(pathOf(id), `${text}\n`);
      }),

    remove: (id) =>
      inTurn(id, async () => {
        await removeDurably(pathOf(id));
      }),

    replace: (id, isExpected, text) =>
      inTurn(id, async () => {
        await makePrivateDirectory(join(stateDir, directory));
        const placing: Placing = (place) =>
          lock.run(() => {
            if (!isExpected(get(id))) return false;
            place();
            return true;
          });
        if (text !== undefined) return await writePrivate(pathOf(id), `${text}\n`, placing);
        return await removeDurably(pathOf(id), placing);
      }),
  };
}
