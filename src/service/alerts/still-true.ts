import type { OutboxMessage } from "../../ports.ts";
import { keyLedger } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { currentProvisioningKey, keyStatus } from "../provisioning-keys/current-provisioning-key.ts";
import { isOvertaken, unusedDays } from "./expiry-alerts.ts";
import { putAlert } from "./raise-alert.ts";

type Look = (context: Context, data: Record<string, unknown>) => Promise<boolean>;

const looks: Record<string, Look> = {
  "provisioning_key.expiring": async (context, data) => {
    const { keyId, expiresAt } = data;
    const key = await currentProvisioningKey(context, String(keyId));
    const now = context.clock.now();
    const isActive = key?.expiresAt === expiresAt && key !== undefined && keyStatus(key, now) === "active";
    return isActive && !isOvertaken(data, now);
  },

  "ai_key.expiring": async (context, data) => {
    const { keyId, expiresAt } = data;
    const key = await context.records.get("ai-keys", String(keyId));
    const now = context.clock.now();
    const isOver = Date.parse(String(expiresAt)) <= now || isOvertaken(data, now);
    return !isOver && key?.state.expiresAt === expiresAt && key?.state.status !== "revoked";
  },

  "provisioning_key.unused": async (context, { keyId, ...data }) => {
    const id = String(keyId);
    const key = await currentProvisioningKey(context, id);
    const now = context.clock.now();
    if (key === undefined || keyStatus(key, now) !== "active") return false;
    const { lastAt } = await context.ledger.seen(keyLedger(id).rate);
    const since = lastAt ?? Date.parse(key.createdAt);
    const dueAt = since + unusedDays * 86_400_000;
    if (dueAt <= now) return true;
    // Used since: it is looked at again when that is as long ago.
    await putAlert(context, {
      type: "provisioning_key.unused",
      cause: [id, new Date(since).toISOString()],
      data: { keyId: id, ...data },
      dueAt,
    });
    return false;
  },
};

/** Whether what was foreseen has come: of a key that was revoked or given another end since, nobody is told. */
export async function isStillTrue(context: Context, { type, data }: OutboxMessage): Promise<boolean> {
  const look = looks[type];
  return look === undefined || (await look(context, JSON.parse(data) as Record<string, unknown>));
}
