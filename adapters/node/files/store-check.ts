import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { type Collection, collections as schemas } from "../../../src/storage/keyspace.ts";
import { octal } from "./octal.ts";
import { bitsForOthers } from "./own-group.ts";
import { damaged, distrust, findingOf, type StoreFinding, statOf } from "./private-file.ts";
import { documents, storeEntries } from "./store-entries.ts";
import type { StoredCollection } from "./stored-collection.ts";

function* modeFindings(stateDir: string, auditMode: number): Generator<StoreFinding> {
  const state = statSync(stateDir, { throwIfNoEntry: false });
  // Its other contents are OpenClaw's, and so are its read bits; but who may write there may put another store in place.
  // To group 0 belong root and, on OpenShift, the service.
  if (state && bitsForOthers(state) & (state.gid === 0 ? 0o002 : 0o022)) {
    yield {
      file: ".",
      problem: `(the state directory) can be written by others (mode ${octal(state.mode)})`,
      remedy: 'run "chmod 700 ." in the state directory',
      fixable: true,
    };
  }
  for (const { stats, file, kind, mode } of storeEntries(stateDir, auditMode)) {
    const wrong = distrust(stats, file, kind, mode);
    if (wrong) yield wrong;
  }
}

/** Values that passed once; the cache hands out the same object until its file changes. */
const passed = new WeakSet<object>();

function recordFinding(name: Collection, id: string, collection: StoredCollection): StoreFinding | undefined {
  const value = collection.get(id);
  if (!value || passed.has(value)) return undefined;
  const parsed = schemas[name].safeParse(value);
  if (parsed.success) {
    passed.add(value);
    return undefined;
  }
  const file = documents[name] ? `provisioning/${documents[name]}` : `provisioning/${name}/${id}.json`;
  const fields = parsed.error.issues.map((issue) => issue.path.join(".")).join(", ");
  return damaged(
    file,
    documents[name] ? `has a damaged entry "${id}" (${fields})` : `is not a valid record (${fields})`,
  );
}

/**
 * Looks at every file of the store: mode, owner, kind, and whether it holds what it should. Changes nothing.
 * After the first time it costs a stat a record, in slices that let requests pass.
 */
export async function checkStore(
  stateDir: string,
  collections: ReadonlyMap<string, StoredCollection>,
  auditMode: number,
): Promise<StoreFinding[]> {
  const findings = new Map<string, StoreFinding>();
  const note = (finding: StoreFinding): unknown =>
    findings.has(finding.file) ? undefined : findings.set(finding.file, finding);
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      const finding = findingOf(error);
      if (!finding) throw error;
      note(finding);
      return undefined;
    }
  };

  attempt(() => {
    for (const finding of modeFindings(stateDir, auditMode)) note(finding);
  });
  for (const [name, collection] of collections) {
    let count = 0;
    for (const id of attempt(() => collection.ids()) ?? []) {
      const finding = attempt(() => recordFinding(name as Collection, id, collection));
      if (finding) note(finding);
      if (++count % 250 === 0) await yieldToOthers();
    }
  }
  return [...findings.values()];
}

/** Changes a mode as `chmodSync` does. */
export type ChangeMode = (path: string, mode: number) => void;

/**
 * Applies the remedy of a `fixable` finding: 0600 for a file, 0700 for a directory.
 * @returns whether it is so now
 */
export function repairMode(stateDir: string, finding: StoreFinding, chmod: ChangeMode = chmodSync): boolean {
  const stats = statOf(stateDir, finding.file);
  if (!finding.fixable || !stats || stats.isSymbolicLink()) return false;
  try {
    chmod(join(stateDir, finding.file), stats.isDirectory() ? 0o700 : 0o600);
  } catch {
    return false;
  }
  return ((statOf(stateDir, finding.file)?.mode ?? 0) & 0o077) === 0;
}
