import { isProblem } from "../../src/errors.ts";
import { findUnopenableSecrets, type UnopenableSecret } from "../../src/service/secrets/unopenable-secrets.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import { closeToGroup } from "./files/group-bits.ts";
import type { ChangeMode } from "./files/store-check.ts";
import type { NodeSettings } from "./node-settings.ts";
import type { NodePorts } from "./open-node.ts";
import { withoutModes } from "./start-fault.ts";

/**
 * Refuses a start on stores that could be opened and not be worked with, and closes what a volume opened to our group.
 *
 * @throws SettingsError with the first fault and its remedy
 */
export async function requireUsable(
  { ports, stores }: Pick<NodePorts, "ports" | "stores">,
  { stateDir, settings, storage }: Pick<NodeSettings, "stateDir" | "settings" | "storage">,
  chmod?: ChangeMode,
): Promise<void> {
  const [finding] = await stores.findings();
  if (finding) {
    const modes = withoutModes(finding, stateDir, chmod);
    throw new SettingsError(modes ?? `${finding.file} ${finding.problem}: ${finding.remedy}`);
  }
  if (storage === undefined) closeToGroup(stateDir, Number.parseInt(settings.provisioning.audit.mode, 8), ports.log);
  const [secret] = await findUnopenableSecrets(ports).catch(noneWhileAway);
  if (secret) throw new SettingsError(secret.detail);
}

/** A store that is away is waited for; readiness asks again once it is back. */
function noneWhileAway(error: unknown): UnopenableSecret[] {
  if (isProblem(error, "store_unreadable")) return [];
  throw error;
}
