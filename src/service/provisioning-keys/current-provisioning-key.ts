import { hasEnded } from "../../domain/has-ended.ts";
import {
  type ProvisioningKeyRecord,
  ProvisioningKeyState,
  type ProvisioningKeyView,
} from "../../schema/provisioning-key.ts";
import { keyLedger } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";

/** The state as the ledger has it now: a revocation is felt at once, even where records lag. */
export async function currentProvisioningKey(context: Context, id: string): Promise<ProvisioningKeyRecord | undefined> {
  const record = await context.records.get("keys", id);
  return record && (await withCurrentState(context, record));
}

/** The record under the ledger's state, since a record may lag behind a revocation by a minute on a Worker. */
export async function withCurrentState(
  context: Context,
  record: ProvisioningKeyRecord,
): Promise<ProvisioningKeyRecord> {
  const text = await context.ledger.get(keyLedger(record.id).state);
  const state = text === undefined ? undefined : ProvisioningKeyState.parse(JSON.parse(text));
  // A ledger that a backup or a power cut took back is behind the record.
  return state === undefined || state.version < record.state.version ? record : { ...record, state };
}

/** A revoked key stays revoked past its end. */
export function keyStatus(record: ProvisioningKeyRecord, nowMs: number): ProvisioningKeyView["status"] {
  if (record.state.revokedAt !== undefined) return "revoked";
  return hasEnded(record, nowMs) ? "expired" : "active";
}
