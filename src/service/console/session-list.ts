import * as z from "zod/mini";
import { Problem } from "../../errors.ts";
import type { ConsoleGrant } from "../../schema/console.ts";
import { consoleLedger, consoleSessions } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { liveGrant } from "./grant.ts";

/** Each session's id and end, the oldest first. */
const List = z.array(z.tuple([z.string(), z.string()]));
type List = z.infer<typeof List>;

/** More than operators have open; the oldest is forgotten, and ended, for one more. */
const mostSessions = 500;
const attempts = 20;

/** Ends the oldest session where there would be more than 500. */
export async function rememberSession(context: Context, id: string, { expiresAt }: ConsoleGrant): Promise<void> {
  const now = new Date(context.clock.now()).toISOString();
  let dropped: List = [];
  await changeList(context, (list) => {
    const live = list.filter(([, end]) => end > now);
    dropped = live.slice(0, Math.max(0, live.length + 1 - mostSessions));
    return [...live.slice(dropped.length), [id, expiresAt]];
  });
  // A session that is in no list could not be revoked.
  for (const [old] of dropped) await context.ledger.put(consoleLedger("ocs", old).state, undefined);
}

/** Takes it out of the list; the session itself is the caller's to end. */
export const forgetSession = async (context: Context, id: string): Promise<void> =>
  await changeList(context, (list) => list.filter(([one]) => one !== id));

/** Those that are open still. */
export async function knownSessions(context: Context): Promise<{ id: string; grant: ConsoleGrant }[]> {
  const list = parse(await context.ledger.get(consoleSessions));
  const found = await Promise.all(
    list.map(async ([id]) => {
      const grant = await liveGrant(context, id);
      return grant && { id, grant };
    }),
  );
  return found.filter((session) => session !== undefined);
}

/** The grant of a session that is listed and open still. */
export async function knownSession(context: Context, id: string): Promise<ConsoleGrant | undefined> {
  const list = parse(await context.ledger.get(consoleSessions));
  return list.some(([one]) => one === id) ? await liveGrant(context, id) : undefined;
}

const parse = (text: string | undefined): List => (text === undefined ? [] : List.parse(JSON.parse(text)));

async function changeList(context: Context, change: (list: List) => List): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const text = await context.ledger.get(consoleSessions);
    if (await context.ledger.replace(consoleSessions, text, JSON.stringify(change(parse(text))))) return;
  }
  throw new Problem("store_unwritable", "The list of console sessions changes all the time; try again in a moment.");
}
