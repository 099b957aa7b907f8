import type { Stats } from "node:fs";
import { collections as schemas } from "../../../src/storage/keyspace.ts";
import { namesIn, statOf } from "./private-file.ts";

/** A file or directory of the store beside the mode that it may have. */
export interface StoreEntry {
  /** Relative to the state directory. */
  file: string;
  kind: "file" | "directory";
  /** The widest that it may have. */
  mode: number;
  stats: Stats;
}

/** The names of the store's files, `-wal` and `-shm` included. Other people's files in the directory are theirs. */
const storeFile = /\.(json|jsonl|key|given|sqlite(-wal|-shm)?)$/;
const auditFile = /^audit(-\d+)*\.jsonl$/;
/** Collections that are one file, and not a directory with a file a record. */
export const documents: Record<string, string> = {
  keys: "keys.json",
  "ai-providers": "ai-providers.json",
  webhooks: "webhooks.json",
};

const entryAt = (stateDir: string, file: string, kind: StoreEntry["kind"], mode: number): StoreEntry[] => {
  const stats = statOf(stateDir, file);
  return stats ? [{ file, kind, mode, stats }] : [];
};

/** `provisioning` and what of the store is directly in it. @throws Problem `store_unreadable` */
export function* storeEntries(stateDir: string, auditMode: number): Generator<StoreEntry> {
  const [top] = entryAt(stateDir, "provisioning", "directory", auditMode & 0o040 ? 0o710 : 0o700);
  if (!top) return;
  yield top;
  if (!top.stats.isDirectory()) return;
  for (const name of namesIn(stateDir, "provisioning").sort()) {
    const file = `provisioning/${name}`;
    const isDirectory = Object.hasOwn(schemas, name) && !(name in documents);
    if (isDirectory) yield* entryAt(stateDir, file, "directory", 0o700);
    else if (storeFile.test(name)) yield* entryAt(stateDir, file, "file", auditFile.test(name) ? auditMode : 0o600);
  }
}

/** The records that have a file each, the agents' entries and keys, and what was kept for a person. */
export function* recordEntries(stateDir: string): Generator<StoreEntry> {
  for (const name of Object.keys(schemas)) {
    const directory = `provisioning/${name}`;
    if (name in documents || !statOf(stateDir, directory)?.isDirectory()) continue;
    for (const one of namesIn(stateDir, directory)) {
      if (storeFile.test(one)) yield* entryAt(stateDir, `${directory}/${one}`, "file", 0o600);
    }
  }
  yield* entryAt(stateDir, "dev.env", "file", 0o600);
  if (!statOf(stateDir, "agents")?.isDirectory()) return;
  for (const id of namesIn(stateDir, "agents")) {
    if (!statOf(stateDir, `agents/${id}`)?.isDirectory()) continue;
    yield* entryAt(stateDir, `agents/${id}/agent.json`, "file", 0o600);
    const agentDir = `agents/${id}/agent`;
    // Other directories are OpenClaw's, whose keys are elsewhere.
    const [profiles] = entryAt(stateDir, `${agentDir}/auth-profiles.json`, "file", 0o600);
    if (!profiles) continue;
    yield* entryAt(stateDir, agentDir, "directory", 0o700);
    yield profiles;
  }
}
