import { join } from "node:path";
import { isSealed } from "../../src/service/secrets/config-secret.ts";
import { isSealedUnderNewest } from "../../src/service/secrets/vault.ts";
import { parseSealKeys } from "../../src/settings/credentials.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { Environment } from "./environment.ts";
import { makePrivateDirectory } from "./files/atomic-write.ts";
import { createFileLock } from "./files/file-lock.ts";
import { requireOwnStore } from "./files/own-store.ts";
import { type NodeSettings, readNodeSettings } from "./node-settings.ts";
import { openSealKeys, sealKeyFile } from "./seal-key.ts";
import { withSecretFiles } from "./secret-variables.ts";

const variable = "OPENCLAW_PROVISIONING_SEAL_KEY";

/**
 * Puts a new key in front of the one in `seal.key`, runs `reseal` over the stored secrets, and takes the older key out.
 * Broken off anywhere, both keys stand in the file and open everything; run again, it goes on.
 *
 * @returns with `kept`, why an older key is still needed and what the operator has to do
 * @throws SettingsError where this process cannot make the new key known to all that need it
 */
export async function rotateSeal<R>(
  env: Environment,
  reseal: () => Promise<R>,
): Promise<R & { kept: string | undefined }> {
  const node = readNodeSettings(env);
  const { stateDir } = node;
  const given = withSecretFiles(env)[variable];
  if (given) {
    if (parseSealKeys(given, variable).length < 2) {
      throw new SettingsError(
        `${variable} holds one key: put a new one in front of it, with a comma between them, restart every instance (or where it is a file, send each SIGHUP), and run this again`,
      );
    }
    const rotated = await reseal();
    const older = await underOlder(node, { sealKeys: await openSealKeys(stateDir, env) });
    const kept =
      older.length === 0
        ? `Take the older key out of ${variable}, and restart (or send SIGHUP).`
        : keptFor(variable, older);
    return { ...rotated, kept };
  }
  if (node.storage !== undefined) {
    throw new SettingsError(
      `other instances share this deployment's storage and not its seal.key: set ${variable} on each to a new key and the one in seal.key, with a comma between them, restart them, and run this again`,
    );
  }
  requireOwnStore(stateDir);
  await makePrivateDirectory(join(stateDir, "provisioning"));
  const lock = createFileLock(join(stateDir, "provisioning", "init.sqlite"));
  try {
    return await lock.run(async () => {
      const sealKeys = await openSealKeys(stateDir, env);
      await sealKeyFile.addKey(stateDir);
      const rotated = await reseal();
      const older = await underOlder(node, { sealKeys });
      if (older.length === 0) await sealKeyFile.dropOlder(stateDir);
      return {
        ...rotated,
        kept: older.length === 0 ? undefined : keptFor("seal.key", older),
      };
    });
  } finally {
    await lock.close();
  }
}

const keptFor = (where: string, older: readonly string[]): string =>
  `${where} keeps the older key too, for config.json's secrets of ${older.join(", ")}: seal them anew with "provisioning seal", and run this again.`;

async function underOlder({ settings }: NodeSettings, sealing: Parameters<typeof isSealedUnderNewest>[0]) {
  const { host, webhooks } = settings.provisioning;
  const secrets = [
    ...host.gateways.map(({ id, token, key }) => ({ name: `the gateway "${id}"`, of: [token, key] })),
    // A path may be a secret.
    ...webhooks.endpoints.map(({ url, secret }) => ({ name: `the webhook ${new URL(url).origin}`, of: [secret] })),
  ];
  const names: string[] = [];
  for (const { name, of } of secrets) {
    for (const secret of of) {
      if (secret === undefined || !isSealed(secret)) continue;
      if (!(await isSealedUnderNewest(sealing, secret))) names.push(name);
    }
  }
  return [...new Set(names)];
}
