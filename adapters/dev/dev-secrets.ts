import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Environment } from "../node/environment.ts";
import { makePrivateDirectory, writePrivate } from "../node/files/atomic-write.ts";
import { readPrivate } from "../node/files/private-file.ts";
import { parseLines, writtenLines } from "../node/first-start.ts";

/** Beside what they open: a deployment that is thrown away takes its secrets along. */
const file = "dev/dev.env";

/** Secrets for trying things out: from the environment, from `dev/dev.env`, or made. */
export interface DevSecrets {
  OPENCLAW_GATEWAY_TOKEN: string;
  OPENCLAW_ADMIN_TOKEN: string;
  OPENCLAW_PROVISIONING_SEAL_KEY: string;
  /** The first provisioning key; absent until it is made. */
  AGENT_PROVISIONING_KEY?: string | undefined;
}

const made = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_ADMIN_TOKEN", "OPENCLAW_PROVISIONING_SEAL_KEY"] as const;

/** From the environment, or kept from the last time, or made. */
export function readDevSecrets(stateDir: string, env: Environment): DevSecrets {
  const kept = parseLines(readPrivate(stateDir, file)?.text ?? "");
  const secrets = made.map((name) => [name, env[name] || kept[name] || randomBytes(32).toString("base64url")]);
  return { ...Object.fromEntries(secrets), AGENT_PROVISIONING_KEY: kept.AGENT_PROVISIONING_KEY };
}

/** @returns where they are kept */
export async function keepDevSecrets(stateDir: string, secrets: DevSecrets): Promise<string> {
  const path = join(stateDir, file);
  await makePrivateDirectory(join(stateDir, "dev"));
  await writePrivate(path, writtenLines({ ...secrets }));
  return path;
}
