import type { LedgerName } from "../../ports.ts";
import { issuedKeys } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";

/**
 * The index from an agent's id to every AI key that was issued to it, kept from before a key is made until after it
 * is taken back: a key that no record tells of, because its creation lost a race, goes with the agent too.
 */
export async function readIssuedKeys({ ledger }: Context, agentId: string): Promise<string[]> {
  return idsOf(await ledger.get(issuedKeys(agentId)));
}

/** To be awaited before the key is made, so that a crash between leaves none that nobody knows of. */
export async function noteIssuedKey(context: Context, agentId: string, keyId: string): Promise<void> {
  await changeIndex(context, issuedKeys(agentId), (ids) => [...ids, keyId], undefined);
}

/** To be called once the keys were taken back; without an index it writes nothing. */
export async function forgetIssuedKeys(context: Context, agentId: string, gone: readonly string[]): Promise<void> {
  const name = issuedKeys(agentId);
  const known = await context.ledger.get(name);
  if (known === undefined) return;
  await changeIndex(context, name, (ids) => ids.filter((id) => !gone.includes(id)), known);
}

const idsOf = (text: string | undefined): string[] => (text === undefined || text === "" ? [] : text.split(" "));

/** @param guess what is there most likely: where it is, one call is enough */
async function changeIndex(
  { ledger }: Context,
  name: LedgerName,
  change: (ids: string[]) => string[],
  guess: string | undefined,
): Promise<void> {
  for (let known = guess; ; known = await ledger.get(name)) {
    const ids = [...new Set(change(idsOf(known)))];
    if (await ledger.replace(name, known, ids.length > 0 ? ids.join(" ") : undefined)) return;
  }
}
