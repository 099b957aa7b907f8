import { quotaDenial } from "../domain/quota-denial.ts";
import { quotaUnits } from "../domain/quota-rules.ts";
import type { Endpoint } from "../providers/shared/wire.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { Context } from "../service/context.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";
import { keyQuotas } from "./key-quotas.ts";
import type { Denied } from "./reserve.ts";
import type { KeySnapshot } from "./verify-key.ts";

/** Less work to read than it is to ask the ledger. */
const smallBytes = 16_384;
/** A key that had room is not looked at again meanwhile. */
const roomMs = 1_000;
const maxRemembered = 10_000;

interface Remembered {
  refused: boolean;
  until: number;
  /** So many more need no look. */
  requests: number;
}

/**
 * Refuses a key that has nothing left for even the least request, before its body is read. It reserves nothing: what
 * passes here may still be refused. Small bodies of keys that were not refused before are not worth the look.
 */
export function createSpentQuotas(
  { ledger, clock }: Pick<Context, "ledger" | "clock">,
  restate: (key: KeySnapshot, text: string) => Promise<KeySnapshot>,
) {
  const remembered = new Map<string, Remembered>();

  function remember(keyId: string, what: Remembered): void {
    if (remembered.size >= maxRemembered) remembered.delete(remembered.keys().next().value!);
    remembered.set(keyId, what);
  }

  /** @returns the denial, or how many requests the key has left for certain */
  async function look({ record, state }: KeySnapshot, provider: AiProviderRecord) {
    const names = aiKeyLedger(record.keyId);
    const now = clock.now();
    const limited = keyQuotas(state, provider.defaultQuotas, now).charges.flatMap(({ limit, ...charge }) =>
      limit !== null && quotaUnits[charge.counter].isAlwaysTaken ? { ...charge, limit } : [],
    );
    const states = await Promise.all(limited.map(({ counter, period }) => ledger.used(names[counter], period)));
    let requests = Number.POSITIVE_INFINITY;
    for (const [at, { name, counter, limit }] of limited.entries()) {
      const { used, reserved } = states[at]!;
      // Most of the tokens in flight come back; requests in flight are requests.
      const left = limit - (counter === "tokens" ? used : used + reserved);
      if (left > 0) {
        requests = Math.min(requests, counter === "requests" ? left : left > limit / 2 ? requests : 0);
        continue;
      }
      const denial = quotaDenial({ name, limit, used, reserved, amount: 1, least: 1 }, now);
      return { outcome: "denied", quota: name, denial } satisfies Denied;
    }
    return requests;
  }

  async function ask(key: KeySnapshot, provider: AiProviderRecord): Promise<Denied | undefined> {
    const { keyId } = key.record;
    let found = await look(key, provider);
    if (typeof found === "object") {
      // A quota that was raised may not have come through to the record yet.
      const text = await ledger.get(aiKeyLedger(keyId).state);
      if (text !== undefined && text !== key.text) found = await look(await restate(key, text), provider);
    }
    if (typeof found === "object") {
      refused(keyId);
      return found;
    }
    remember(keyId, { refused: false, until: clock.now() + roomMs, requests: found - 1 });
    return undefined;
  }

  const refused = (keyId: string): void => remember(keyId, { refused: true, until: 0, requests: 0 });

  return {
    /** Has the key looked at when it comes again. */
    refused,

    /** @param length as announced; `undefined` where it is not known */
    denialOf(
      key: KeySnapshot,
      provider: AiProviderRecord,
      endpoint: Endpoint,
      length: number | undefined,
    ): undefined | Promise<Denied | undefined> {
      const { keyId } = key.record;
      // A free call counts in none of them.
      if (endpoint.format === undefined) return undefined;
      const known = remembered.get(keyId);
      if (!known?.refused && length !== undefined && length <= smallBytes) return undefined;
      if (known && clock.now() < known.until && known.requests-- > 0) return undefined;
      return ask(key, provider);
    },
  };
}
