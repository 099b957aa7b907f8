import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { equalDigests } from "../../src/domain/constant-time.ts";
import { Problem } from "../../src/errors.ts";
import type { VerifyJwt } from "../../src/http/bearer.ts";
import type { Scope } from "../../src/schema/provisioning-key.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { Environment } from "../node/environment.ts";

/**
 * `alone`: the whole service in the gateway's process. `agents`: only what a control plane asks of the gateway that
 * has its agents; keys, quotas, the trail and the proxy are the control plane's.
 */
export type PluginRole = "alone" | "agents";

/** @throws SettingsError */
export function pluginRole(env: Environment): PluginRole {
  const text = env.OPENCLAW_PROVISIONING_ROLE || "alone";
  if (text === "alone" || text === "agents") return text;
  throw new SettingsError(`OPENCLAW_PROVISIONING_ROLE is "${text}"; it must be alone or agents`);
}

/** Asked before anything can be told: a role that is wrong is not this one. */
export function isAlone(env: Environment): boolean {
  try {
    return pluginRole(env) === "alone";
  } catch {
    return false;
  }
}

const secretVariables =
  /^(OPENCLAW_PROVISIONING_SEAL_KEY|OPENCLAW_PROVISIONING_STORAGE|OPENCLAW_ADMIN_TOKEN|OPENCLAW_LINK_TOKEN|\w+_MASTER_KEY)(_FILE)?$/;
const secretFiles = ["seal.key", "ai-providers.json", "keys.json", "webhooks.json"];

/**
 * Beside agents, which may run commands, lies nothing that opens more than they have.
 * @throws SettingsError naming the variable or the file, and where it belongs
 */
export function refuseSecrets(env: Environment, stateDir: string): void {
  const variable = Object.keys(env).find((name) => env[name] && secretVariables.test(name));
  if (variable !== undefined) {
    throw new SettingsError(
      `${variable} is set where the agents run: take it out of this environment, it is the control plane's alone`,
    );
  }
  const file = secretFiles.find((name) => existsSync(join(stateDir, "provisioning", name)));
  if (file !== undefined) {
    throw new SettingsError(
      `provisioning/${file} lies where the agents run: it is the control plane's alone. Move provisioning/ to the ` +
        "control plane's state directory, or start the agents on a fresh volume",
    );
  }
}

const scopes: Scope[] = ["agents:create", "agents:onboard", "agents:update", "agents:delete"];

/**
 * The control plane's bearer, by its digest: what stands here opens nothing. A file is read with every call, since it
 * may come, or change, at any time; it has more than one digest while the control plane changes its secret.
 *
 * @throws SettingsError where nothing says whom to believe
 */
export function controlPlaneBearer(env: Environment, sha256: (text: string) => string | Promise<string>): VerifyJwt {
  const given = env.OPENCLAW_LINK_DIGEST?.trim();
  const file = env.OPENCLAW_LINK_DIGEST_FILE;
  if (given && !isDigest(given)) throw new SettingsError("OPENCLAW_LINK_DIGEST must be a SHA-256 in lower-case hex");
  if (!given && !file) {
    throw new SettingsError(
      "nothing says which control plane to believe: set OPENCLAW_LINK_DIGEST_FILE, or OPENCLAW_LINK_DIGEST to the SHA-256 of its OPENCLAW_LINK_TOKEN",
    );
  }
  return async (token) => {
    const digest = await sha256(token);
    const known = given ? [given] : digestsIn(file!);
    const isKnown = known.filter((one) => equalDigests(digest, one)).length > 0;
    return isKnown ? { actor: "control-plane", scopes, reach: "all" } : undefined;
  };
}

const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

/** @throws Problem `not_ready` while the control plane has not written it */
function digestsIn(file: string): string[] {
  let lines: string[] = [];
  try {
    lines = readFileSync(file, "utf8").trim().split("\n");
  } catch {
    // Told below, like a file that holds something else.
  }
  if (lines.length > 0 && lines.every(isDigest)) return lines;
  throw new Problem("not_ready", "The control plane has not yet written OPENCLAW_LINK_DIGEST_FILE.", {
    headers: { "retry-after": "5" },
  });
}
