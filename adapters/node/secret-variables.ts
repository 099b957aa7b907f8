import { readFileSync } from "node:fs";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { Environment } from "./environment.ts";

const names = new Set([
  "OPENCLAW_GATEWAY_TOKEN",
  "OPENCLAW_ADMIN_TOKEN",
  "OPENCLAW_LINK_TOKEN",
  "OPENCLAW_PROVISIONING_SEAL_KEY",
  "OPENCLAW_PROVISIONING_STORAGE",
  "OPENCLAW_AI_PROVIDER_KEY",
  "OPENCLAW_WEBHOOK_SECRET",
  "AGENT_PROVISIONING_KEY",
]);
const isSecret = (name: string): boolean => names.has(name) || /^[A-Z0-9_]+_MASTER_KEY$/.test(name);

/**
 * The environment with every secret that it gives as a file (`<NAME>_FILE`, as Docker and Kubernetes mount them) in
 * place, and without the white space that editors and `echo` leave around a secret.
 *
 * @throws SettingsError naming the variable and the file
 */
export function withSecretFiles(env: Environment): Environment {
  const given: Environment = { ...env };
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && isSecret(name)) given[name] = value.trim();
    const of = name.endsWith("_FILE") ? name.slice(0, -"_FILE".length) : "";
    if (!value || !isSecret(of)) continue;
    if (env[of]) throw new SettingsError(`${of} and ${name} are both set: leave one of them out`);
    given[of] = readSecret(name, value);
  }
  return given;
}

function readSecret(name: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SettingsError(
      `${name} is ${path}, which cannot be read (${code}): mount the secret there, readable by uid ${process.getuid?.()}`,
    );
  }
  if (text === "") throw new SettingsError(`${name} is ${path}, which is empty: write the secret into it`);
  return text;
}
