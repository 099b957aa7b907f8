import { isDeepStrictEqual } from "node:util";
import type { ProvisioningSettings } from "../../src/settings/provisioning-settings.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { Settings } from "../../src/settings.ts";
import type { Environment } from "./environment.ts";
import { type NodeSettings, readNodeSettings, requireGatewayTokens } from "./node-settings.ts";
import type { OpenServer } from "./open-server.ts";
import { configText } from "./read-config.ts";

/** Settings that are read where they are used, and so can change while the server runs. */
const changeable = [
  "enabled",
  "publicUrl",
  "maxAgentsPerKey",
  "rateLimitPerMinute",
  "allowDelete",
  "keyReach",
  "authFailuresPerMinute",
  "maxBodyBytes",
  "drainSeconds",
  "prices",
  "webhooks",
] as const satisfies readonly (keyof ProvisioningSettings)[];

/** The outcome of reading the settings again while the server runs. */
export interface Reloaded {
  /** Names as they stand in `config.json`, or of variables; never a value. */
  changed: string[];
  /** The settings that differ, and that only the next start takes over. */
  needRestart: string[];
}

/** Takes over into `current` what may change without a restart. */
export function reloadSettings(current: Settings, next: Settings): Reloaded {
  const changed: string[] = [];
  const differs = (one: unknown, other: unknown): boolean => !isDeepStrictEqual(one, other);
  if (differs(current.gatewayTokens, next.gatewayTokens)) changed.push("OPENCLAW_GATEWAY_TOKEN");
  if (differs(current.adminTokens, next.adminTokens)) changed.push("OPENCLAW_ADMIN_TOKEN");
  if (current.logLevel !== next.logLevel) changed.push("logging.level");
  current.gatewayTokens = next.gatewayTokens;
  current.adminTokens = next.adminTokens;
  current.logLevel = next.logLevel;

  const needRestart: string[] = [];
  const live = new Set<string>(changeable);
  for (const name of Object.keys(next.provisioning) as (keyof ProvisioningSettings)[]) {
    if (!differs(current.provisioning[name], next.provisioning[name])) continue;
    (live.has(name) ? changed : needRestart).push(`gateway.provisioning.${name}`);
  }
  const taken = Object.fromEntries(changeable.map((name) => [name, next.provisioning[name]]));
  Object.assign(current.provisioning, taken);
  return { changed, needRestart };
}

/**
 * Reads settings and secrets again, and takes over what may change. It never throws.
 *
 * @param taken called once they are
 */
export function createReload(
  env: Environment,
  node: NodeSettings,
  { log, rereadSealKeys }: Pick<OpenServer, "log" | "rereadSealKeys">,
  taken?: () => void,
): () => void {
  const isConfigured = (): boolean => (configText(env, node.stateDir)?.text.trim() ?? "") !== "";
  let wasConfigured = isConfigured();
  return () => {
    try {
      // A write that broke off, or an editor in the middle of one: nobody switches a service off so.
      if (wasConfigured && !isConfigured()) throw new SettingsError("config.json is empty or gone; put it back");
      const next = readNodeSettings(env);
      wasConfigured = isConfigured();
      requireGatewayTokens(next);
      // Port 0 was any: where agents find the proxy stays.
      if (node.port === 0) next.settings.provisioning.publicUrl = node.settings.provisioning.publicUrl;
      const hasOtherKeys = rereadSealKeys?.() === true;
      const { changed, needRestart } = reloadSettings(node.settings, next.settings);
      if (hasOtherKeys) changed.push("OPENCLAW_PROVISIONING_SEAL_KEY");
      if (next.workers !== node.workers) needRestart.push("OPENCLAW_WORKERS");
      if (next.storage !== node.storage) needRestart.push("OPENCLAW_PROVISIONING_STORAGE");
      if (next.agents?.token !== node.agents?.token) needRestart.push("OPENCLAW_LINK_TOKEN");
      taken?.();
      log("info", "settings were read again", { changed });
      if (needRestart.length > 0) log("warn", "settings that need a restart have changed", { needRestart });
    } catch (cause) {
      log("error", "settings cannot be read again; those from before stay", { cause });
    }
  };
}
