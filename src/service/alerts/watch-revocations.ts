import type { Context } from "../context.ts";
import { putAlert } from "./raise-alert.ts";

const stuckMs = 3_600_000;

/** Tells of minted keys that work at their provider still, though they were to be revoked over an hour ago. */
export async function watchRevocations(context: Context): Promise<void> {
  const { items } = await context.records.list("revocations");
  for (const { id, agentId, aiProviderId, lastError, createdAt, unseen } of items) {
    if (unseen || context.clock.now() - Date.parse(createdAt) < stuckMs) continue;
    const data = { keyId: id, agentId, aiProviderId, since: createdAt, detail: lastError };
    await putAlert(context, { type: "revocation.stuck", cause: [id, createdAt], data });
  }
}
