import { ftruncateSync, readSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { type ChainHead, genesis, readLine, type Sha256, verifyLine } from "../../../src/domain/audit-chain.ts";
import { linesForward } from "../files/line-file.ts";

/** The trail's end after the last append, kept beside the trail so that a cut tail is noticed. */
export interface AuditHead extends ChainHead {
  /** The length of the file. */
  bytes: number;
}

export const auditHeadSchema = `CREATE TABLE IF NOT EXISTS head (
  id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, hash TEXT NOT NULL, bytes INTEGER NOT NULL
) STRICT`;

const statements = new WeakMap<DatabaseSync, ReturnType<typeof prepare>>();
const prepare = (database: DatabaseSync) => ({
  select: database.prepare("SELECT seq, hash, bytes FROM head WHERE id = 1"),
  upsert: database.prepare("INSERT OR REPLACE INTO head (id, seq, hash, bytes) VALUES (1, ?, ?, ?)"),
});
const prepared = (database: DatabaseSync) => {
  const known = statements.get(database) ?? prepare(database);
  statements.set(database, known);
  return known;
};

/** `undefined` before the first event. */
export const rememberedHead = (database: DatabaseSync): AuditHead | undefined =>
  prepared(database).select.get() as AuditHead | undefined;

/** Writes in the transaction that the caller has open. */
export const rememberHead = (database: DatabaseSync, { seq, hash, bytes }: AuditHead): void => {
  prepared(database).upsert.run(seq, hash, bytes);
};

function endsWithLine(descriptor: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size === 0 || (readSync(descriptor, last, 0, 1, size - 1) === 1 && last[0] === 0x0a);
}

/**
 * The place in the chain of the next event, given the file as it is. Lines behind the remembered head are adopted: they
 * were written by someone who died before he could remember them. A torn line at the very end is dropped, since no
 * append of it ever resolved. Nothing else is altered: what was cut or changed shows as a break in the chain,
 * because the next event still follows on the remembered one.
 * @param size the length of the file now
 * @returns the head, and whether the next line must first end a line cut in the middle
 */
export async function alignHead(
  descriptor: number,
  size: number,
  remembered: AuditHead | undefined,
  sha256: Sha256,
): Promise<{ head: AuditHead; torn: boolean }> {
  const known = remembered ?? { ...genesis, bytes: 0 };
  if (known.bytes === size) return { head: known, torn: false };
  if (size < known.bytes) return { head: { ...known, bytes: size }, torn: !endsWithLine(descriptor, size) };

  let head: ChainHead = known;
  let end = known.bytes;
  for await (const lines of linesForward(descriptor, known.bytes, size)) {
    for (const line of lines) {
      const text = line.bytes.toString();
      let step = await verifyLine(head, text, sha256);
      // A whole event that follows on nothing known: going on from it keeps the numbers rising, and the break visible.
      if (!step.ok) step = await readLine(text, sha256);
      if (step.ok && step.head.seq > head.seq) head = step.head;
      end = line.end;
    }
  }
  if (end < size) ftruncateSync(descriptor, end);
  return { head: { ...head, bytes: end }, torn: false };
}
