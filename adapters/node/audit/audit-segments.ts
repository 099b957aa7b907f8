import { readdirSync } from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ChainHead } from "../../../src/domain/audit-chain.ts";

/** A part of the trail that was closed by a rotation. It never changes again, and may be moved away. */
export interface AuditSegment {
  /** The numbers of its first and its last event. */
  first: number;
  last: number;
  /** The hash of its last event, on which the next part follows; unknown where only the file tells of it. */
  hash?: string;
}

export const auditSegmentsSchema = `CREATE TABLE IF NOT EXISTS segments (
  first INTEGER PRIMARY KEY, last INTEGER NOT NULL, hash TEXT NOT NULL
) STRICT`;

const digits = (seq: number): string => String(seq).padStart(12, "0");
const nameForm = /^audit-(\d{12})-(\d{12})\.jsonl$/;

/** Beside `audit.jsonl`; names sort as the events do. */
export const segmentName = ({ first, last }: AuditSegment): string => `audit-${digits(first)}-${digits(last)}.jsonl`;

/** The part that a file's name tells of; `undefined` for any other name. */
export function segmentNamed(name: string): AuditSegment | undefined {
  const [, first, last] = nameForm.exec(name) ?? [];
  return first === undefined ? undefined : { first: Number(first), last: Number(last) };
}

const selects = new WeakMap<DatabaseSync, StatementSync>();

/** Closed parts by their first event, those that were moved away included. */
export function rememberedSegments(database: DatabaseSync): AuditSegment[] {
  const select = selects.get(database) ?? database.prepare("SELECT first, last, hash FROM segments ORDER BY first");
  selects.set(database, select);
  return select.all() as unknown as AuditSegment[];
}

/** `hash` is that of its last event, on which the next part follows. */
export const rememberSegment = (database: DatabaseSync, { first, last, hash }: Required<AuditSegment>): void => {
  database.prepare("INSERT OR REPLACE INTO segments (first, last, hash) VALUES (?, ?, ?)").run(first, last, hash);
};

/** Those that stand in the directory, in order. */
export function segmentsIn(directory: string): AuditSegment[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return names.flatMap((name) => segmentNamed(name) ?? []).sort((a, b) => a.first - b.first);
}

/** Remembered ones and those that only the directory knows: put back by hand, or from before the memory was lost. */
export function allSegments(remembered: readonly AuditSegment[], present: readonly AuditSegment[]): AuditSegment[] {
  const known = new Map(remembered.map((segment) => [segmentName(segment), segment]));
  for (const segment of present) if (!known.has(segmentName(segment))) known.set(segmentName(segment), segment);
  return [...known.values()].sort((a, b) => a.first - b.first);
}

/** The end of a segment, as the head on which the next event follows. */
export const endOf = ({ last, hash }: Required<AuditSegment>): ChainHead => ({ seq: last, hash });
