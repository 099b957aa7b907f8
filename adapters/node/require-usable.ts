import { isProblem } from "../../src/errors.ts";
import { findUnopenableSecrets, type UnopenableSecret } from "../../src/service/unopenable-secrets.ts";
import { SettingsError } from "../../src/settings.ts";
import type { NodePorts } from "./open-node.ts";

/**
 * Refuses a start on stores that could be opened and not be worked with.
 *
 * @throws SettingsError with the first fault and its remedy
 */
export async function requireUsable({ ports, checkStore }: Pick<NodePorts, "ports" | "checkStore">): Promise<void> {
  const [finding] = await checkStore();
  if (finding) throw new SettingsError(`${finding.file} ${finding.problem}: ${finding.remedy}`);
  const [secret] = await findUnopenableSecrets(ports).catch(noneWhileAway);
  if (secret) throw new SettingsError(secret.detail);
}

/** A store that is away is waited for; readiness asks again once it is back. */
function noneWhileAway(error: unknown): UnopenableSecret[] {
  if (isProblem(error, "store_unreadable")) return [];
  throw error;
}
