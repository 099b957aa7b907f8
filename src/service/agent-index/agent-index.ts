import * as z from "zod/mini";
import { parsedJson } from "../../domain/parsed-json.ts";
import type { Ledger } from "../../ports.ts";
import { agentIndexBucket, agentIndexBuckets, agentIndexVersion } from "../../storage/ledger-names.ts";
import { IndexEntry } from "./index-entry.ts";

/**
 * Every agent as a search needs it: in the ledger, in a few texts, each of which has the agents of a part of the ids.
 * One text is read and written at a time and exactly, so that every instance finds what any of them wrote, and ten
 * thousand agents are read in as many texts as ten.
 */
export interface AgentIndex {
  /** The same array for as long as nothing has changed. */
  entries(): Promise<readonly IndexEntry[]>;
  /** `undefined` takes an agent out. */
  write(changes: ReadonlyMap<string, IndexEntry | undefined>): Promise<void>;
}

interface Bucket {
  text: string | undefined;
  entries: ReadonlyMap<string, IndexEntry>;
}

const Entries = z.array(IndexEntry);

/** Damaged, it counts as empty: what belongs in it comes back with the next look at the records. */
function parsed(text: string | undefined): Bucket["entries"] {
  const entries = text === undefined ? [] : (Entries.safeParse(parsedJson(text)).data ?? []);
  return new Map(entries.map((entry) => [entry.agentId, entry]));
}

const texts = new WeakMap<IndexEntry, string>();

/** A bucket has hundreds of entries, of which a change is one: the others are not made text again. */
function textOf(entries: Bucket["entries"]): string {
  const parts = Array.from(entries.values(), (entry) => {
    const text = texts.get(entry) ?? JSON.stringify(entry);
    texts.set(entry, text);
    return text;
  });
  return `[${parts.join(",")}]`;
}

/** FNV-1a: the same on every instance, and spread over all buckets however alike the ids are. */
function bucketOf(agentId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < agentId.length; at++) hash = Math.imul(hash ^ agentId.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % agentIndexBuckets;
}

/**
 * The version says within one read that nothing has changed. A process that dies between a bucket and the version hides
 * its change from the others for so long at most.
 */
const versionTrustMs = 10_000;

/** Buckets that one request reads: each is some ten kilobytes, and an answer of a Durable Object is bounded. */
const readAtOnce = 16;

/** Writers that meet at one bucket each have their turn within a few rounds. */
const mostRounds = 200;

/** Buckets that have not changed are not parsed again, and the same agents are the same list. */
export function createAgentIndex(ledger: Pick<Ledger, "get" | "getMany" | "put" | "replace">): AgentIndex {
  /** As they were read or written last: the same text has the same entries. */
  const known: (Bucket | undefined)[] = [];
  let whole: { of: readonly Bucket[]; entries: readonly IndexEntry[]; version: string; readAt: number } | undefined;
  const writer = crypto.randomUUID();
  let writes = 0;

  const read = async (at: number): Promise<Bucket> => bucketWith(at, await ledger.get(agentIndexBucket(at)));

  async function readAll(): Promise<Bucket[]> {
    const all = Array.from({ length: agentIndexBuckets }, (_, at) => at);
    if (!ledger.getMany) return await Promise.all(all.map(read));
    const parts = Array.from({ length: agentIndexBuckets / readAtOnce }, (_, part) =>
      ledger.getMany!(all.slice(part * readAtOnce, (part + 1) * readAtOnce).map(agentIndexBucket)),
    );
    return (await Promise.all(parts)).flat().map((text, at) => bucketWith(at, text));
  }

  function bucketWith(at: number, text: string | undefined): Bucket {
    const before = known[at];
    if (before && before.text === text) return before;
    const bucket = { text, entries: parsed(text) };
    known[at] = bucket;
    return bucket;
  }

  async function change(at: number, changes: readonly (readonly [string, IndexEntry | undefined])[]): Promise<void> {
    for (let round = 0; round < mostRounds; round++) {
      // The first guess is what this process knows; another's write shows in that it fails.
      const guess = round === 0 ? known[at] : undefined;
      const bucket = guess ?? (await read(at));
      const entries = new Map(bucket.entries);
      for (const [agentId, entry] of changes) {
        if (!entry) entries.delete(agentId);
        else if (!isNewer(entries.get(agentId), entry)) entries.set(agentId, entry);
      }
      const text = entries.size === 0 ? undefined : textOf(entries);
      // Another process may have written what this one does not know.
      if (text === bucket.text && guess !== undefined) continue;
      if (text === bucket.text || (await ledger.replace(agentIndexBucket(at), bucket.text, text))) {
        known[at] = { text, entries };
        return;
      }
    }
    throw new Error("the index of agents is written to by too many at once");
  }

  return {
    async entries() {
      // Before the buckets: one that is written meanwhile is another version at the next call.
      const version = (await ledger.get(agentIndexVersion)) ?? "";
      const readAt = performance.now();
      if (whole && whole.version === version && readAt - whole.readAt < versionTrustMs) return whole.entries;
      const all = await readAll();
      const isSame = whole?.of.every((bucket, at) => bucket === all[at]);
      const entries = whole && isSame ? whole.entries : all.flatMap((bucket) => [...bucket.entries.values()]);
      whole = { of: all, entries, version, readAt };
      return entries;
    },
    async write(changes) {
      const byBucket = Map.groupBy(changes, ([agentId]) => bucketOf(agentId));
      await Promise.all([...byBucket].map(([at, part]) => change(at, part)));
      await ledger.put(agentIndexVersion, `${writer}.${writes++}`);
    },
  };
}

/** Two changes of one agent may come to the index in another order than they were made. */
const isNewer = (there: IndexEntry | undefined, entry: IndexEntry): boolean =>
  there !== undefined && there.createdAt === entry.createdAt && there.updatedAt > entry.updatedAt;
