import type { AuditEvent, AuditFilter, AuditRecord } from "../domain/audit-event.ts";

/** The result of walking the chain from its begin, or from `since`. */
export interface AuditVerdict {
  ok: boolean;
  events: number;
  /** Closed parts of the trail that are not here any more; the chain was followed across them. */
  movedAway?: string[];
  /** The first fault, with the line (1-based) or sequence number at which it stands. */
  fault?: {
    line: number;
    reason: string;
    /** The closed part in which it stands; absent: the trail that is being written. */
    file?: string;
    remedy?: string;
  };
}

/** Without options, the whole chain is walked. */
export interface AuditVerifyOptions {
  /** An event's number: closed parts that end before it need not be walked, where their end is remembered. */
  since?: number | undefined;
  /** Called with the file and the part of it (0 to 1) that is verified. */
  onProgress?: ((file: string, share: number) => void) | undefined;
}

interface AuditRotation {
  /** The closed part's name; it never changes again. */
  file: string;
  events: number;
}

/** Every change and denial, chained by hashes: a line that is changed or cut out shows. */
export interface AuditTrail {
  /** Durable when it resolves; events are chained in the order in which they resolve. */
  append(event: AuditEvent): Promise<void>;
  /** Newest first. `cursor` is the `seq` before which to continue. */
  read(page: { limit: number; cursor?: number | undefined; filter?: AuditFilter }): Promise<{
    events: AuditRecord[];
    nextCursor?: number;
  }>;
  verify(options?: AuditVerifyOptions): Promise<AuditVerdict>;
  /**
   * Closes what was written so far as a part of its own; the chain goes on. Absent where the trail is no file.
   * @returns `undefined` where nothing was written since the last time
   */
  rotate?(actor: string): Promise<AuditRotation | undefined>;
  /** Rejects when the trail cannot be written. */
  check(): Promise<void>;
  close(): Promise<void>;
}
