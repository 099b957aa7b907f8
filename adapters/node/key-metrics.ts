import { isFresh } from "../../src/domain/is-fresh.ts";
import { keyQuotas } from "../../src/proxy/key-quotas.ts";
import type { AiKeyRecord } from "../../src/schema/ai-key.ts";
import type { Context } from "../../src/service/context.ts";
import { aiKeyLedger } from "../../src/storage/ledger-names.ts";

/** Series of each metric: a deployment may have a hundred thousand keys. */
const shown = 20;
/** Keys that are looked at: those used since the last look, and the fullest of it. */
const maxRecent = 200;
/** A look costs a few reads a key, and several may ask. */
const keptMs = 10_000;
const recordAgeMs = 60_000;

export interface KeyMetrics {
  /** Notes that a key was used. */
  used(keyId: string): void;
}

interface Share {
  keyId: string;
  agent: string;
  provider: string;
  quota: string;
  share: number;
}

/** How full the quotas of keys are, and when keys end. */
export function tellOfKeys(context: Context): KeyMetrics {
  const { metrics, records, ledger, clock } = context;
  let recent = new Set<string>();
  let lookedAt = Number.NEGATIVE_INFINITY;

  async function sharesOf(record: AiKeyRecord): Promise<Share[]> {
    const { keyId, agentId: agent, provider } = record;
    const source = await records.recent("ai-providers", record.aiProviderId, recordAgeMs);
    const names = aiKeyLedger(keyId);
    const { charges } = keyQuotas(record.state, source?.defaultQuotas, clock.now());
    const shares = charges.map(async ({ name: quota, counter, period, limit }): Promise<Share[]> => {
      if (limit === null || limit === 0) return [];
      const { used, reserved } = await ledger.used(names[counter], period);
      return [{ keyId, agent, provider, quota: quota ?? "", share: (used + reserved) / limit }];
    });
    return (await Promise.all(shares)).flat();
  }

  async function lookAtKeys(): Promise<void> {
    const found = await Promise.all([...recent].map((keyId) => records.recent("ai-keys", keyId, recordAgeMs)));
    const keys = found.flatMap((key) => (key === undefined || key.state.status === "revoked" ? [] : [key]));
    const shares = (await Promise.all(keys.map(sharesOf)))
      .flat()
      .sort((a, b) => b.share - a.share)
      .slice(0, shown);
    metrics.reset("openclaw_quota_used_ratio");
    for (const { agent, provider, quota, share } of shares) {
      metrics.gauge("openclaw_quota_used_ratio", share, { agent, provider, quota });
    }
    const ending = keys.filter(({ state }) => state.expiresAt !== undefined);
    const soonest = ending.toSorted((a, b) => (a.state.expiresAt! < b.state.expiresAt! ? -1 : 1)).slice(0, shown);
    metrics.reset("openclaw_ai_key_expiry_timestamp_seconds");
    for (const { agentId: agent, provider, state } of soonest) {
      const at = Date.parse(state.expiresAt!) / 1_000;
      metrics.gauge("openclaw_ai_key_expiry_timestamp_seconds", at, { agent, provider });
    }
    recent = new Set([...shares, ...soonest].map(({ keyId }) => keyId));
  }

  async function lookAtProvisioningKeys(): Promise<void> {
    const { items } = await records.list("keys", { limit: 1_000 });
    const ending = items.filter(({ expiresAt, state }) => expiresAt !== undefined && state.revokedAt === undefined);
    metrics.reset("openclaw_provisioning_key_expiry_timestamp_seconds");
    for (const { id, expiresAt } of ending.sort((a, b) => (a.expiresAt! < b.expiresAt! ? -1 : 1)).slice(0, shown)) {
      const at = Date.parse(expiresAt!) / 1_000;
      metrics.gauge("openclaw_provisioning_key_expiry_timestamp_seconds", at, { key: id });
    }
  }

  metrics.beforeRender(async () => {
    if (isFresh(lookedAt, clock.now(), keptMs)) return;
    lookedAt = clock.now();
    await Promise.all([lookAtKeys(), lookAtProvisioningKeys()]);
  });
  return {
    used(keyId) {
      if (recent.size < maxRecent) recent.add(keyId);
    },
  };
}
