import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { type Collection, collections as schemas } from "../../../src/storage/keyspace.ts";
import { damaged, distrust, findingOf, namesIn, octal, type StoreFinding, statOf } from "./private-file.ts";
import type { StoredCollection } from "./stored-collection.ts";

/** What the store consists of, `-wal` and `-shm` included. Other people's files in the directory are theirs. */
const storeFile = /\.(json|jsonl|key|sqlite(-wal|-shm)?)$/;
const documents: Record<string, string> = { keys: "keys.json", "ai-providers": "ai-providers.json" };

const auditFile = /^audit(-\d+)*\.jsonl$/;

function* modeFindings(stateDir: string, auditMode: number): Generator<StoreFinding> {
  const state = statSync(stateDir, { throwIfNoEntry: false });
  // Its other contents are OpenClaw's, and so are its read bits; but who may write there may put another store in place.
  if (state && process.platform !== "win32" && state.mode & 0o022) {
    yield {
      file: ".",
      problem: `(the state directory) can be written by others (mode ${octal(state.mode)})`,
      remedy: 'run "chmod 700 ." in the state directory',
      fixable: true,
    };
  }
  const stats = statOf(stateDir, "provisioning");
  if (!stats) return;
  const finding = distrust(stats, "provisioning", "directory", auditMode & 0o040 ? 0o710 : 0o700);
  if (finding) yield finding;
  if (!stats.isDirectory()) return;
  for (const name of namesIn(stateDir, "provisioning").sort()) {
    const file = `provisioning/${name}`;
    const isDirectory = Object.hasOwn(schemas, name) && !(name in documents);
    if (!isDirectory && !storeFile.test(name)) continue;
    const entry = statOf(stateDir, file);
    const mode = isDirectory ? 0o700 : auditFile.test(name) ? auditMode : 0o600;
    const wrong = entry && distrust(entry, file, isDirectory ? "directory" : "file", mode);
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
  const fields = parsed.error.issues.map((issue) => issue.path.join(".")).join(", ");
  const file = documents[name] ? `provisioning/${documents[name]}` : `provisioning/${name}/${id}.json`;
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

/** Applies the remedy of a `fixable` finding: 0600 for a file, 0700 for a directory. */
export function repairMode(stateDir: string, finding: StoreFinding): void {
  const stats = statOf(stateDir, finding.file);
  if (finding.fixable && stats && !stats.isSymbolicLink()) {
    chmodSync(join(stateDir, finding.file), stats.isDirectory() ? 0o700 : 0o600);
  }
}
