import type { Ledger } from "../../../src/ports.ts";
import { sealKeyId } from "../../../src/service/secrets/vault.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";
import type { Ports } from "../../../src/storage/keyspace.ts";
import { sealKeyOwner } from "../../../src/storage/ledger-names.ts";

/**
 * Instances that share their records must share the seal key: what one of them seals, all have to open. The first one
 * leaves its key's id, and `seal rotate` replaces it.
 *
 * @throws SettingsError where this instance has none of the deployment's seal keys
 */
export async function requireSharedSealKey(ledger: Ledger, sealKeys: Ports["sealKeys"]): Promise<void> {
  const ids = await Promise.all(sealKeys().map(sealKeyId));
  const claimed = await ledger.claim(sealKeyOwner, { owner: ids[0]!, ttlMs: null });
  if (claimed.granted || ids.includes(claimed.owner)) return;
  throw new SettingsError(
    `this instance's seal key (${ids.join(", ")}) is not the one of the other instances on this Redis (${claimed.owner}): ` +
      "set OPENCLAW_PROVISIONING_SEAL_KEY to the same on every instance",
  );
}
