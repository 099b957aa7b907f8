import { isProblem } from "../errors.ts";
import { type AuditDetails, auditEvent } from "../service/audited-change.ts";
import type { Context } from "../service/context.ts";
import { createMinuteTally, others } from "../service/minute-tally.ts";
import { subscriber } from "../storage/ledger-names.ts";
import type { RequestInfo, Route } from "./call.ts";

const denials = new Set([401, 403, 429]);
/** Of denials that differ, in a minute; what a stranger can write to the disk is bounded by it. */
const maxDenials = 64;

export interface AnsweredCall {
  requestId: string;
  info: RequestInfo;
  actor: string;
  route?: Route;
}

export interface AnswerAudit {
  /** @returns whether the call repeats a denial of this minute */
  answered(call: AnsweredCall, status: number, failure: unknown): boolean;
  /** Writes how often denials were repeated in a minute that is over at `now`. */
  flush(now?: number): void;
}

interface Denial {
  actor: string;
  address?: string | undefined;
  details: AuditDetails;
}

/**
 * Reads and denials leave a line too; changes have left their own. One that is repeated within a minute is counted,
 * and its count is written when the minute is over.
 */
export function createAnswerAudit(context: Context): AnswerAudit {
  const tally = createMinuteTally(maxDenials);
  let written = new Map<string, Denial>();

  const write = ({ actor, address, details }: Denial, requestId?: string): void =>
    auditEvent(
      context,
      { actor, address, ...(requestId !== undefined && { requestId }) },
      { action: "request.denied", outcome: "denied", details },
    );

  function flush(now = context.clock.now()): void {
    const counts = tally.ended(now);
    if (!counts) return;
    for (const [key, count] of counts) {
      const denial = written.get(key);
      if (denial && count > 1) write({ ...denial, details: { ...denial.details, repeated: count - 1 } });
    }
    const rest = counts.get(others);
    if (rest !== undefined) write({ actor: "several", details: { repeated: rest } });
    written = new Map();
  }

  return {
    flush,
    answered({ requestId, info: { address }, actor, route }, status, failure) {
      const call = route?.operationId;
      if (denials.has(status) && isProblem(failure)) {
        flush();
        const key = [actor, subscriber(address ?? ""), failure.code, call].join(" ");
        const { count, own } = tally.count(key, context.clock.now());
        if (!own || count > 1) return true;
        const denial = { actor, address, details: { code: failure.code, ...(call !== undefined && { call }) } };
        written.set(key, denial);
        write(denial, requestId);
      } else if (route?.method === "GET" && status < 400) {
        const details = { call: call! };
        auditEvent(context, { actor, address, requestId }, { action: "request.read", outcome: "success", details });
      }
      return false;
    },
  };
}
