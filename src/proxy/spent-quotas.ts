import { quotaCharges, stricterQuotas } from "../domain/quota.ts";
import { quotaDenial } from "../domain/quota-denial.ts";
import type { Endpoint } from "../providers/wire.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { Context } from "../service/context.ts";
import { aiKeyLedger } from "../storage/ledger-names.ts";
import type { Reservation } from "./reserve.ts";
import type { StatedKey } from "./verify-key.ts";

type Denied = Extract<Reservation, { outcome: "denied" }>;

/** Less work to read than it is to ask the ledger. */
const smallBytes = 16_384;
const maxRemembered = 10_000;

/**
 * Refuses a key that has nothing left for even the least request, before its body is read. It reserves nothing: what
 * passes here may still be refused. Small bodies of keys that were not refused before are not worth the look.
 */
export function createSpentQuotas(
  { ledger, clock }: Pick<Context, "ledger" | "clock">,
  restate: (key: StatedKey, text: string) => StatedKey,
) {
  const refused = new Set<string>();

  async function look({ record, state }: StatedKey, provider: AiProviderRecord, spends: boolean) {
    const names = aiKeyLedger(record.keyId);
    const now = clock.now();
    const limited = quotaCharges(stricterQuotas(provider.defaultQuotas ?? {}, state.quotas), now).flatMap(
      ({ limit, ...charge }) =>
        limit !== null && (spends || charge.counter === "requests") ? { ...charge, limit } : [],
    );
    const states = await Promise.all(limited.map(({ counter, period }) => ledger.used(names[counter], period)));
    for (const [at, { name, counter, limit }] of limited.entries()) {
      const { used, reserved } = states[at]!;
      // Most of the tokens in flight come back; requests in flight are requests.
      if ((counter === "tokens" ? used : used + reserved) < limit) continue;
      const denial = quotaDenial({ name, limit, used, reserved, amount: 1, least: 1 }, now);
      return { outcome: "denied", quota: name, denial } satisfies Denied;
    }
    return undefined;
  }

  return {
    /** Has the key looked at when it comes again. */
    remember(keyId: string): void {
      if (refused.size >= maxRemembered) refused.delete(refused.values().next().value!);
      refused.add(keyId);
    },

    /** @param length as announced; `undefined` where it is not known */
    async denialOf(
      key: StatedKey,
      provider: AiProviderRecord,
      endpoint: Endpoint,
      length: number | undefined,
    ): Promise<Denied | undefined> {
      const { keyId } = key.record;
      if (length !== undefined && length <= smallBytes && !refused.has(keyId)) return undefined;
      const spends = endpoint.format !== undefined;
      let denied = await look(key, provider, spends);
      if (denied) {
        // A quota that was raised may not have come through to the record yet.
        const text = await ledger.get(aiKeyLedger(keyId).state);
        if (text !== undefined && text !== key.text) denied = await look(restate(key, text), provider, spends);
      }
      if (denied) this.remember(keyId);
      else refused.delete(keyId);
      return denied;
    },
  };
}
