import { isFresh } from "../domain/is-fresh.ts";
import { factsOf } from "../domain/provider-facts.ts";
import { providers } from "../providers/registry.ts";
import type { AiProviderRecord } from "../schema/ai-provider.ts";
import type { Context } from "../service/context.ts";

const everyMs = 60_000;
const decoder = new TextDecoder();

const isUnpaidOrUnknown = (status: number): boolean => status === 401 || status === 402;

/**
 * A provider that refuses the operator's key: an agent's client must not hear that its own key is wrong, and the
 * operator must.
 *
 * @returns what the client is told; `undefined` where the answer is about something else
 */
export function createMasterKeyAlarm({ log, metrics, clock }: Pick<Context, "log" | "metrics" | "clock">) {
  const saidAt = new Map<string, number>();

  return (provider: AiProviderRecord, status: number, body: Uint8Array): string | undefined => {
    const { refusesKey = isUnpaidOrUnknown } = providers[provider.kind].wire;
    if (!refusesKey(status, decoder.decode(body))) return undefined;
    metrics.count("openclaw_proxy_master_key_refusals_total", { provider: provider.provider });
    const now = clock.now();
    if (!isFresh(saidAt.get(provider.id) ?? Number.NEGATIVE_INFINITY, now, everyMs)) {
      saidAt.set(provider.id, now);
      const remedy = `replace it with "provisioning ai-providers rotate ${provider.id}"`;
      log("error", "an AI provider refuses the operator's key", {
        provider: provider.id,
        name: provider.name,
        status,
        remedy,
      });
    }
    const title = provider.kind === "custom" ? `"${provider.provider}"` : factsOf(provider.kind).title;
    return `${title} refused the operator's key (HTTP ${status}), not yours; its operator has to mend that`;
  };
}
