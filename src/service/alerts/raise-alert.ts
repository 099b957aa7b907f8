import type { AlertData } from "../../domain/alert-text.ts";
import type { AlertType } from "../../domain/alert-types.ts";
import type { OutboxMessage } from "../../ports.ts";
import type { Context } from "../context.ts";
import { retryUnwritableAfter } from "../retry-unwritable.ts";

export interface AlertToRaise {
  type: AlertType;
  /**
   * The words that tell this cause from every other of its type: the same words are the same alert, however often
   * raised.
   */
  cause: readonly (string | number)[];
  data: AlertData;
  /** Epoch milliseconds before which it is not sent; its truth is looked at again then. */
  dueAt?: number | undefined;
  /** Epoch milliseconds until which the cause may come again, and is not told anew. */
  keepUntil?: number | undefined;
}

type Raising = Pick<Context, "outbox" | "clock" | "log" | "background" | "ending">;

const causeOf = (type: string, parts: readonly (string | number)[]): string =>
  [type, ...parts.map((part) => encodeURIComponent(String(part).toWellFormed()))].join("/");

/** As the outbox takes it; one cause is one message, however often it is put. */
export const messageOf = (
  context: Pick<Context, "clock">,
  { type, cause, data, ...rest }: AlertToRaise,
): OutboxMessage => ({
  cause: causeOf(type, cause),
  type,
  // An alert that is foreseen happens when it is due.
  at: rest.dueAt ?? context.clock.now(),
  data: JSON.stringify(data),
  ...rest,
});

/** Resolves when the alert will be sent, whatever becomes of this process. */
export const putAlert = async (context: Raising, alert: AlertToRaise): Promise<boolean> =>
  await context.outbox.put(messageOf(context, alert));

const logLoss =
  ({ log }: Raising, { type }: Pick<OutboxMessage, "type">, onLost: () => void) =>
  (cause: unknown) => {
    log("error", "an alert could not be stored", { type, cause });
    onLost();
  };

/**
 * Raises an alert on which nothing that its caller does depends: a failure is logged.
 *
 * @param onLost lets a caller that remembers what was told raise it again
 */
export function raiseAlert(context: Raising, alert: AlertToRaise, onLost: () => void): void {
  context.background(putAlert(context, alert).catch(logLoss(context, alert, onLost)));
}

/**
 * Keeps an alert that is told once and cannot be raised again: where the outbox is away, it is put when that is back.
 * Waits for the first attempt alone, and never rejects.
 */
export const keepAlert = (context: Raising, alert: AlertToRaise, onLost?: () => void): Promise<void> =>
  keepMessage(context, messageOf(context, alert), onLost);

/** The same for a message that the ledger too puts. */
export async function keepMessage(context: Raising, message: OutboxMessage, onLost = () => {}): Promise<void> {
  const put = async () => await context.outbox.put(message);
  await put().catch((failure) =>
    context.background(retryUnwritableAfter(failure, put, context.ending).catch(logLoss(context, message, onLost))),
  );
}

const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const idLength = 26;

/** The `webhook-id` of a cause: 130 bits of its SHA-256. */
export async function messageIdOf({ crypto }: Pick<Context, "crypto">, cause: string): Promise<string> {
  const hex = await crypto.sha256(cause);
  let bits = BigInt(`0x${hex}`) >> BigInt(256 - 5 * idLength);
  let id = "";
  for (let at = 0; at < idLength; at++) {
    id = base32[Number(bits & 31n)] + id;
    bits >>= 5n;
  }
  return `msg_${id}`;
}
