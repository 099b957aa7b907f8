import type { Abandoned, Ledger, LedgerName } from "../../src/ports.ts";
import type { Collection, RecordOf, Records } from "../../src/storage/keyspace.ts";
import { workspaceClaim, workspaceOfClaim } from "../../src/storage/ledger-names.ts";
import { presentPath, storedPath } from "./files/movable-paths.ts";

type Rename = (stateDir: string, path: string) => string;

/**
 * Records whose paths below the state directory are stored relative to it.
 *
 * @param stateDir absolute, symlinks resolved
 */
export function withMovableRecords(records: Records, stateDir: string): Records {
  /** Records are frozen, and told by their identity: the same one is answered again. */
  const known = new WeakMap<object, object>();

  function renamed<C extends Collection>(collection: C, record: RecordOf<C>, rename: Rename): RecordOf<C> {
    if (collection !== "agents") return record;
    const agent = record as RecordOf<"agents">;
    const next: RecordOf<"agents"> = { ...agent };
    if (agent.workspace !== undefined) next.workspace = rename(stateDir, agent.workspace);
    if (agent.agentDir !== undefined) next.agentDir = rename(stateDir, agent.agentDir);
    return next as RecordOf<C>;
  }

  function present<C extends Collection>(collection: C, record: RecordOf<C>): RecordOf<C> {
    if (collection !== "agents") return record;
    const before = known.get(record) as RecordOf<C> | undefined;
    if (before) return before;
    const now = renamed(collection, record, presentPath);
    Object.freeze(now);
    known.set(record, now);
    return now;
  }

  return {
    ...records,
    async get(collection, id) {
      const record = await records.get(collection, id);
      return record && present(collection, record);
    },
    set: (collection, id, value) => records.set(collection, id, renamed(collection, value, storedPath)),
    replace: (collection, id, expected, next) =>
      records.replace(
        collection,
        id,
        (current) => expected(current && present(collection, current)),
        next && renamed(collection, next, storedPath),
      ),
    async list(collection, page) {
      const { items, ...rest } = await records.list(collection, page);
      return { ...rest, items: items.map((item) => present(collection, item)) };
    },
  };
}

/**
 * A ledger in which workspaces below the state directory are claimed, and noted, by their place in it. A claim of an
 * older release, by the whole path, still holds in the directory in which it was made.
 *
 * @param stateDir absolute, symlinks resolved
 */
export function withMovableClaims(ledger: Ledger, stateDir: string): Ledger {
  function nameOf(name: LedgerName): { stored: LedgerName; older?: LedgerName } {
    const path = workspaceOfClaim(name);
    const stored = path === undefined ? undefined : storedPath(stateDir, path);
    return stored === undefined || stored === path ? { stored: name } : { stored: workspaceClaim(stored), older: name };
  }
  const noted = <T extends { note?: string }>(claim: T): T =>
    claim.note === undefined ? claim : { ...claim, note: inNote(claim.note, stateDir, storedPath) };

  return {
    ...ledger,
    async claim(name, claim) {
      const { stored, older } = nameOf(name);
      const holder = older && (await ledger.holder(older));
      if (holder !== undefined && holder !== claim.owner) return { granted: false, owner: holder };
      const answer = await ledger.claim(stored, noted(claim));
      if (!answer.granted || answer.abandoned === undefined) return answer;
      return { granted: true, abandoned: inNote(answer.abandoned, stateDir, presentPath) };
    },
    async renew(name, claim) {
      const { stored, older } = nameOf(name);
      if (await ledger.renew(stored, noted(claim))) return true;
      return older !== undefined && (await ledger.renew(older, noted(claim)));
    },
    async holder(name) {
      const { stored, older } = nameOf(name);
      return (await ledger.holder(stored)) ?? (older && (await ledger.holder(older)));
    },
    async release(name, owner) {
      const { stored, older } = nameOf(name);
      await Promise.all([ledger.release(stored, owner), older && ledger.release(older, owner)]);
    },
    async abandoned(isGone) {
      const left = await ledger.abandoned(isGone);
      return left.map((one): Abandoned => ({ ...one, note: one.note && inNote(one.note, stateDir, presentPath) }));
    },
  };
}

/** A note that a change to an agent left; others say nothing of a workspace. */
function inNote(note: string, stateDir: string, rename: Rename): string {
  if (!note.includes('"workspace"')) return note;
  let value: unknown;
  try {
    value = JSON.parse(note);
  } catch {
    return note;
  }
  if (typeof value !== "object" || value === null) return note;
  const { workspace } = value as { workspace?: unknown };
  return typeof workspace === "string" ? JSON.stringify({ ...value, workspace: rename(stateDir, workspace) }) : note;
}
