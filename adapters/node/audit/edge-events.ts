import type { ChainHead } from "../../../src/domain/audit-chain.ts";
import { recordInLine } from "../../../src/storage/audit-line.ts";
import { type Line, linesBackward, linesForward } from "../files/line-file.ts";
import type { AuditLines } from "./verify-audit-lines.ts";

/** The first whole event of a file; `undefined` where there is none. */
export const firstEventIn = ({ descriptor, size }: AuditLines): Promise<ChainHead | undefined> =>
  firstOf(linesForward(descriptor, 0, size));

/** The last whole event of a file; `undefined` where there is none. */
export const lastEventIn = ({ descriptor, size }: AuditLines): Promise<ChainHead | undefined> =>
  firstOf(linesBackward(descriptor, size));

async function firstOf(blocks: AsyncGenerator<Line[]>): Promise<ChainHead | undefined> {
  for await (const lines of blocks) {
    for (const { bytes } of lines) {
      const record = recordInLine(bytes.toString());
      if (record) return { seq: record.seq, hash: record.hash };
    }
  }
  return undefined;
}
