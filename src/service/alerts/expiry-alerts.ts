import type { OutboxMessage } from "../../ports.ts";
import type { AiKeyRecord } from "../../schema/ai-key.ts";
import type { ProvisioningKeyRecord } from "../../schema/provisioning-key.ts";
import type { Collection, RecordOf } from "../../storage/keyspace.ts";
import type { CachedRecords } from "../../storage/read-cache.ts";
import type { Context } from "../context.ts";
import { type AlertToRaise, keepAlert } from "./raise-alert.ts";

const dayMs = 86_400_000;
const warningDays = [14, 7, 1] as const;
export const unusedDays = 90;

/** Whether a later warning of the same end has come due too: where nothing was sent for a while, that one says it. */
export const isOvertaken = ({ expiresAt, days }: Record<string, unknown>, now: number): boolean =>
  warningDays.some((later) => later < Number(days) && Date.parse(String(expiresAt)) - later * dayMs <= now);

/** A warning with the days that are left when it is sent; `undefined` for any other alert. */
export function describeExpiry({ clock }: Pick<Context, "clock">, { type, data: text }: OutboxMessage) {
  if (!type.endsWith(".expiring")) return undefined;
  const data = JSON.parse(text) as { expiresAt: string };
  return JSON.stringify({ ...data, days: Math.ceil((Date.parse(data.expiresAt) - clock.now()) / dayMs) });
}

/**
 * Puts the alerts about a key that are due in time, from its record. `isStillTrue` looks at it again when the time has
 * come.
 */
export function withExpiryAlerts(context: Context): CachedRecords {
  const { records, clock } = context;

  const warnings = (type: AlertToRaise["type"], subject: Record<string, string>, keyId: string, expiresAt: string) =>
    warningDays
      .map((days): AlertToRaise => {
        const dueAt = Date.parse(expiresAt) - days * dayMs;
        return { type, cause: [keyId, expiresAt, days], data: { ...subject, keyId, expiresAt, days }, dueAt };
      })
      .filter(({ dueAt }) => dueAt! > clock.now());

  function ofProvisioningKey({ id, name, expiresAt, createdAt, state }: ProvisioningKeyRecord): AlertToRaise[] {
    if (state.revokedAt !== undefined) return [];
    const unused: AlertToRaise = {
      type: "provisioning_key.unused",
      cause: [id, createdAt],
      data: { keyId: id, name, days: unusedDays },
      dueAt: Date.parse(createdAt) + unusedDays * dayMs,
    };
    const ends = expiresAt === undefined ? [] : warnings("provisioning_key.expiring", { name }, id, expiresAt);
    return unused.dueAt! > clock.now() ? [unused, ...ends] : ends;
  }

  const ofAiKey = ({ keyId, agentId, state }: AiKeyRecord): AlertToRaise[] =>
    state.expiresAt === undefined || state.status === "revoked"
      ? []
      : warnings("ai_key.expiring", { agentId }, keyId, state.expiresAt);

  /** Before the record: one that is never written is no key, of which nobody will be told. */
  async function foresee<C extends Collection>(collection: C, record: RecordOf<C> | undefined): Promise<void> {
    if (record === undefined) return;
    const alerts =
      collection === "keys"
        ? ofProvisioningKey(record as ProvisioningKeyRecord)
        : collection === "ai-keys"
          ? ofAiKey(record as AiKeyRecord)
          : [];
    await Promise.all(alerts.map((alert) => keepAlert(context, alert)));
  }

  return {
    ...records,
    async set(collection, id, value) {
      await foresee(collection, value);
      await records.set(collection, id, value);
    },
    async replace(collection, id, expected, next) {
      await foresee(collection, next);
      return await records.replace(collection, id, expected, next);
    },
  };
}
