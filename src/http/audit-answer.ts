import type { AuditEvent } from "../domain/audit-event.ts";
import { createMinuteTally, others } from "../domain/minute-tally.ts";
import { denials, isProblem } from "../errors.ts";
import { type AuditDetails, auditEvent } from "../service/audited-change.ts";
import type { Context } from "../service/context.ts";
import { subscriber } from "../storage/ledger-names.ts";
import type { RequestInfo, Route } from "./call.ts";

/** Different denials in a minute. The number bounds what a stranger can write to the disk. */
const maxDenials = 64;
/** Pairs of an actor and a call that it reads by: a console or a monitor asks for the same every few seconds. */
const maxReads = 1_024;
/** A console asks all the time; one line says that it did. */
const sessionSpanMs = 3_600_000;

interface AnsweredCall {
  requestId: string;
  info: RequestInfo;
  actor: string;
  route?: Route;
  /** The console session that asked. */
  sessionId?: string | undefined;
}

/** Writes reads and denials to the audit trail, repeated ones as a count a minute. */
export interface AnswerAudit {
  /** @returns whether the call repeats a denial of this minute */
  answered(call: AnsweredCall, status: number, failure: unknown): boolean;
  /** Writes how often reads and denials were repeated in a minute that is over at `now`. */
  flush(now?: number): void;
}

interface Answered {
  actor: string;
  address?: string | undefined;
  details: AuditDetails;
}

/**
 * Reads and denials leave a line too; changes have left their own. One that is repeated within a minute is counted,
 * and its count is written when the minute is over.
 */
export function createAnswerAudit(context: Context): AnswerAudit {
  const read = { action: "request.read", outcome: "success" } as const;
  const reads = createRepeats(context, read, maxReads);
  const sessionReads = createRepeats(context, read, maxReads, sessionSpanMs);
  const denied = createRepeats(context, { action: "request.denied", outcome: "denied" }, maxDenials);

  return {
    flush(now) {
      reads.flush(now);
      sessionReads.flush(now);
      denied.flush(now);
    },
    answered({ requestId, info: { address }, actor, route, sessionId }, status, failure) {
      const call = route?.operationId;
      if (denials.has(status) && isProblem(failure)) {
        const details = { code: failure.code, ...(call !== undefined && { call }) };
        const key = [actor, subscriber(address ?? ""), failure.code, call].join(" ");
        return !denied.note(key, { actor, address, details }, requestId);
      }
      if (call !== undefined && route?.method === "GET" && status < 400) {
        if (sessionId === undefined) {
          reads.note([actor, call].join(" "), { actor, address, details: { call } }, requestId);
        } else {
          sessionReads.note(sessionId, { actor, address, details: { call: "console", session: sessionId } }, requestId);
        }
      }
      return false;
    },
  };
}

/** Writes the first of each minute (or `spanMs`) at once, and of its repetitions the count. */
function createRepeats(
  context: Context,
  event: Pick<AuditEvent, "action" | "outcome">,
  mostKeys: number,
  spanMs?: number,
) {
  const tally = createMinuteTally(mostKeys, spanMs);
  let written = new Map<string, Answered>();

  const write = ({ actor, address, details }: Answered, requestId?: string): void =>
    auditEvent(context, { actor, address, ...(requestId !== undefined && { requestId }) }, { ...event, details });

  function flush(now = context.clock.now()): void {
    const counts = tally.ended(now);
    if (!counts) return;
    for (const [key, count] of counts) {
      const first = written.get(key);
      if (first && count > 1) write({ ...first, details: { ...first.details, repeated: count - 1 } });
    }
    const rest = counts.get(others);
    if (rest !== undefined) write({ actor: "several", details: { repeated: rest } });
    written = new Map();
  }

  return {
    flush,
    /** @returns whether it was written by itself */
    note(key: string, answered: Answered, requestId: string): boolean {
      flush();
      const { count, own } = tally.count(key, context.clock.now());
      if (!own || count > 1) return false;
      written.set(key, answered);
      write(answered, requestId);
      return true;
    },
  };
}
