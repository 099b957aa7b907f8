import { toHex } from "../../domain/hex.ts";
import { Problem } from "../../errors.ts";
import type { Ledger } from "../../ports.ts";
import { ownGatewayId } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";

/** Never another, once it is there. */
const known = new WeakMap<Ledger, string>();

/** The id of the deployment's own host: the same for as long as its store. */
export async function ownId({ ledger, crypto }: Pick<Context, "ledger" | "crypto">): Promise<string> {
  let id = known.get(ledger) ?? (await ledger.get(ownGatewayId));
  if (id === undefined) {
    const made = toHex(crypto.randomBytes(5));
    id = (await ledger.replace(ownGatewayId, undefined, made)) ? made : await ledger.get(ownGatewayId);
  }
  if (id === undefined) throw new Problem("store_unwritable", "The ledger does not keep this deployment's id.");
  known.set(ledger, id);
  return id;
}

/**
 * A control plane names the gateway that it means, where it found that by an address which may be another's by now.
 * @throws Problem `gateway_mistaken`
 */
export async function requireMeant(context: Context, id: string | null): Promise<void> {
  if (id === null || id === (await ownId(context))) return;
  throw new Problem("gateway_mistaken", "The header Gateway-Id names another gateway than this one.");
}
