import * as z from "zod/mini";
import { labelsInOrder } from "../domain/labels.ts";
import { Problem } from "../errors.ts";
import { newOperationId } from "../service/audited-change.ts";
import type { Caller } from "../service/caller.ts";
import type { Context } from "../service/context.ts";
import { withLease } from "../service/lease.ts";
import { keyLedger } from "../storage/ledger-names.ts";
import type { Reply } from "./call.ts";

/** The header of routes that use `withIdempotency`. */
export const idempotencyHeader = { name: "Idempotency-Key", description: "Makes a retry safe for 24 hours" };
export const idempotencyProblems = ["idempotency_in_flight", "idempotency_mismatch", "invalid_header"] as const;

const keptMs = 24 * 3_600_000;

/** `unfinished`: the answer is not kept, and a repetition goes on where the first one ended. */
const Kept = z.object({ fingerprint: z.string(), body: z.optional(z.unknown()), unfinished: z.optional(z.boolean()) });

/**
 * `Idempotency-Key` (IETF httpapi draft), scoped to the caller: a repeated request is answered 200 with the first
 * body, less what is shown once.
 *
 * @param run gets what to keep with the result, so that it can be told from it even after a crash
 * @throws Problem `idempotency_mismatch`, `idempotency_in_flight`, `invalid_header`
 */
export async function withIdempotency(
  context: Context,
  caller: Caller,
  headers: Headers,
  body: unknown,
  run: (idempotency?: {
    key: string;
    fingerprint: string;
    given: string;
  }) => Promise<{ reply: Reply; replayed: unknown; unfinished?: boolean }>,
): Promise<Reply> {
  const given = headers.get("idempotency-key");
  if (given === null) return (await run()).reply;
  if (!/^[\x21-\x7e]{1,255}$/.test(given)) {
    throw new Problem("invalid_header", "Idempotency-Key must be 1 to 255 printable ASCII characters without spaces.");
  }
  const key = await context.crypto.sha256(`${caller.actor}\n${given}`);
  const fingerprint = await context.crypto.sha256(JSON.stringify(body, labelsInOrder));
  const name = keyLedger(caller.actor).idempotency(key);

  const earlier = keptReply(await context.ledger.get(name), fingerprint);
  if (earlier) return earlier;
  // The owner carries the fingerprint, so that another body is told apart while the first is in flight.
  const owner = `${newOperationId(context)}#${fingerprint}`;
  const once = async () => {
    const before = await context.ledger.get(name);
    const finished = keptReply(before, fingerprint);
    if (finished) return finished;
    const { reply, replayed, unfinished } = await run({ key, fingerprint, given: await context.crypto.sha256(given) });
    // The first answer stays, should this process have slept while another gave it.
    const kept = unfinished ? { fingerprint, unfinished } : { fingerprint, body: replayed };
    await context.ledger.replace(name, before, JSON.stringify(kept), keptMs);
    return reply;
  };
  const taken = (by: string) => (by.endsWith(`#${fingerprint}`) ? inFlight() : mismatch());
  return await withLease(context, { name, owner, busy: taken, patienceMs: 0 }, once);
}

/** @throws Problem `idempotency_mismatch` */
function keptReply(text: string | undefined, fingerprint: string): Reply | undefined {
  if (text === undefined) return undefined;
  const kept = Kept.parse(JSON.parse(text));
  if (kept.fingerprint !== fingerprint) throw mismatch();
  return kept.unfinished ? undefined : { status: 200, body: kept.body };
}

const mismatch = (): Problem =>
  new Problem(
    "idempotency_mismatch",
    "This Idempotency-Key was used with another body; use a new key for a new request.",
  );

const inFlight = (): Problem =>
  new Problem(
    "idempotency_in_flight",
    "The first request with this Idempotency-Key is still running; try again in a moment.",
    { headers: { "retry-after": "1" } },
  );
