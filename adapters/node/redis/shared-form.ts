import type { Ledger } from "../../../src/ports.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";
import { storesForm } from "../../../src/storage/ledger-names.ts";

/** Raised by a release whose changes an earlier one would take back or not enforce. Release 1.0.0 leaves none. */
const form = 1;

/** @throws SettingsError where a newer release has changed this Redis: what this one does not know it would drop */
export async function requireSharedForm(ledger: Pick<Ledger, "get" | "replace">): Promise<void> {
  const found = await ledger.get(storesForm);
  if (found === undefined) await ledger.replace(storesForm, undefined, String(form));
  else if (Number(found) !== form) {
    throw new SettingsError(
      `this Redis was written by a newer release (version ${found}, this release reads ${form}): run that release`,
    );
  }
}
