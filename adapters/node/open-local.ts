import { join } from "node:path";
import { createApp } from "../../src/app.ts";
import type { LocalSession } from "../../src/cli/environment.ts";
import { escapeHidden } from "../../src/domain/hidden-characters.ts";
import { redact } from "../../src/domain/redact.ts";
import type { AgentHost, Log } from "../../src/ports.ts";
import { sealConfigSecret } from "../../src/service/secrets/config-secret.ts";
import type { Environment } from "./environment.ts";
import { makePrivateDirectory } from "./files/atomic-write.ts";
import { createFileLock } from "./files/file-lock.ts";
import { requireOwnStore } from "./files/own-store.ts";
import { readNodeSettings } from "./node-settings.ts";
import { openNode } from "./open-node.ts";
import { openSealKeys } from "./seal-key.ts";

/** The command line answers in its own words; only with OPENCLAW_PROVISIONING_DEBUG does the log join in, on stderr. */
export const commandLog =
  (env: Environment): Log =>
  (level, message, fields) => {
    if (env.OPENCLAW_PROVISIONING_DEBUG)
      process.stderr.write(`${escapeHidden(`${level}: ${message} ${JSON.stringify(redact(fields ?? {}))}`)}\n`);
  };

/**
 * The app over this machine's files, with the operator's authority; a server may run beside it.
 * @param host replaces the configured one
 */
export async function openLocal(
  env: Environment,
  node = readNodeSettings(env),
  host?: AgentHost,
): Promise<LocalSession> {
  const { ports, close } = await openNode(node, { env, log: commandLog(env), host });
  const app = createApp(ports, node.settings);
  const lock = createFileLock(join(node.stateDir, "provisioning", "init.sqlite"));
  return {
    fetch: app.fetchAsOperator,
    basePath: node.settings.provisioning.basePath,
    verifyAudit: ports.audit.verify,
    ...(!env.OPENCLAW_PROVISIONING_DEBUG && { logHint: "OPENCLAW_PROVISIONING_DEBUG=1 shows the cause" }),
    exclusively: async (work) => await lock.run(async () => await work()),
    async close() {
      await lock.close();
      await close();
    },
  };
}

/**
 * Makes the seal key where there is none yet.
 * @throws SettingsError where the store is another user's
 */
export async function sealLocally(env: Environment, secret: string): Promise<string> {
  const { stateDir } = readNodeSettings(env);
  requireOwnStore(stateDir);
  await makePrivateDirectory(join(stateDir, "provisioning"));
  // A key of the environment may be another deployment's, a Worker's say, whose text is only printed here.
  return await sealConfigSecret({ sealKeys: await openSealKeys(stateDir, env, { isStored: false }) }, secret);
}
