import * as z from "zod/mini";
import { Problem } from "../../errors.ts";
import type { LedgerName } from "../../ports.ts";
import type { ConsoleGrant } from "../../schema/console.ts";
import { consoleLedger, consoleSessions, consoleSessionsOf } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { liveGrant, sessionMs } from "./grant.ts";

/** Each session's id and end, the oldest first. */
const List = z.array(z.tuple([z.string(), z.string()]));
type List = z.infer<typeof List>;

/** More than operators have open; the oldest is forgotten, and ended, for one more. */
const mostSessions = 500;
/** The most of one caller: whoever opens them without end must not end everybody else's. */
const mostOwn = 100;
const attempts = 20;

/** Ends the oldest session where there would be more than 500, or more than 100 of its caller. */
export async function rememberSession(
  context: Context,
  id: string,
  { actor, expiresAt }: Pick<ConsoleGrant, "actor" | "expiresAt">,
): Promise<void> {
  const now = new Date(context.clock.now()).toISOString();
  const add = async (name: LedgerName, most: number, gone: List): Promise<List> => {
    let dropped: List = [];
    await changeList(context, name, (list) => {
      const live = list.filter(([one, end]) => end > now && !gone.some(([other]) => other === one));
      dropped = live.slice(0, Math.max(0, live.length + 1 - most));
      return [...live.slice(dropped.length), [id, expiresAt]];
    });
    return dropped;
  };
  const own = await add(consoleSessionsOf(actor), mostOwn, []);
  const others = await add(consoleSessions, mostSessions, own);
  // A session that is in no list could not be revoked.
  for (const [old] of [...own, ...others]) await context.ledger.put(consoleLedger("ocs", old).state, undefined);
}

/** Takes it out of the lists; the session itself is the caller's to end. */
export async function forgetSession(
  context: Context,
  id: string,
  { actor }: Pick<ConsoleGrant, "actor">,
): Promise<void> {
  for (const name of [consoleSessionsOf(actor), consoleSessions])
    await changeList(context, name, (list) => list.filter(([one]) => one !== id));
}

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

async function changeList(context: Context, name: LedgerName, change: (list: List) => List): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const text = await context.ledger.get(name);
    if (await context.ledger.replace(name, text, JSON.stringify(change(parse(text))), sessionMs)) return;
  }
  throw new Problem("store_unwritable", "The list of console sessions changes all the time; try again in a moment.");
}
