import { parse } from "jsonc-parser";
import { isRecord } from "../../src/domain/is-record.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import { parseSettings, type Settings } from "../../src/settings.ts";
import type { Environment } from "../node/environment.ts";
import { type NodeSettings, readNodeSettings } from "../node/node-settings.ts";
import { configText } from "../node/read-config.ts";
import type { OpenClawConfig } from "./openclaw-config.ts";
import { pluginRole } from "./plugin-role.ts";

export const pluginId = "openclaw-provisioning";

/** `plugins.entries.openclaw-provisioning.config` */
export const pluginConfigIn = (config: OpenClawConfig): Record<string, unknown> | undefined => {
  const { entries } = (config.plugins ?? {}) as { entries?: Record<string, { config?: Record<string, unknown> }> };
  return entries?.[pluginId]?.config;
};

/** OpenClaw's own order: `--port`, the environment, its configuration, its default. */
export function gatewayPort(config: OpenClawConfig, env: Environment, args: readonly string[]): string {
  const at = args.findIndex((arg) => arg === "--port" || arg.startsWith("--port="));
  const asked = at === -1 ? undefined : args[at]!.includes("=") ? args[at]!.split("=")[1] : args[at + 1];
  return asked ?? (env.OPENCLAW_GATEWAY_PORT || String(config.gateway?.port ?? 18789));
}

/**
 * The settings of `config.json` under those of the plugin's own configuration, which has the same form. An operator who
 * installs the plugin wants it: it is on unless something says otherwise.
 *
 * @throws SettingsError naming the setting, its value and the remedy
 */
export function readPluginSettings(options: {
  env: Environment;
  stateDir: string;
  port: string;
  gatewayToken: string;
  pluginConfig?: Record<string, unknown> | undefined;
}): NodeSettings {
  const { stateDir, port, gatewayToken, pluginConfig = {} } = options;
  const env = {
    ...options.env,
    OPENCLAW_STATE_DIR: stateDir,
    OPENCLAW_GATEWAY_PORT: port,
    OPENCLAW_GATEWAY_TOKEN: gatewayToken,
    OPENCLAW_PROVISIONING_HOST: "openclaw",
    ...(!options.env.OPENCLAW_PROVISIONING_ENABLED &&
      !saysWhetherEnabled(options.env, stateDir) && { OPENCLAW_PROVISIONING_ENABLED: "true" }),
  };
  const node = readNodeSettings(env);
  const source = `plugins.entries.${pluginId}.config`;
  const own: Record<string, unknown> = parseSettings({ gateway: { provisioning: pluginConfig } }, source).provisioning;
  const merged = over(node.settings.provisioning, own, pluginConfig) as Settings["provisioning"];
  const settings = {
    ...node.settings,
    provisioning: { ...merged, host: { ...merged.host, kind: "openclaw" as const } },
  };
  return { ...node, settings: pluginRole(env) === "agents" ? agentsOnly(settings, env, pluginConfig) : settings };
}

/** The settings that `given` names, as `own` has them, over those that are there, section by section. */
function over(
  there: Record<string, unknown>,
  own: Record<string, unknown>,
  given: Record<string, unknown>,
): Record<string, unknown> {
  const named = Object.entries(given).map(([name, value]) => {
    const [before, asked] = [there[name], own[name]];
    const isPart = isRecord(before) && isRecord(asked) && isRecord(value);
    return [name, isPart ? over(before, asked, value) : asked];
  });
  return { ...there, ...Object.fromEntries(named) };
}

/**
 * The control plane has decided who may ask for how much, and has to be able to take back the changes that it began.
 */
function agentsOnly(settings: Settings, env: Environment, pluginConfig: Record<string, unknown>): Settings {
  if (!env.OPENCLAW_PUBLIC_URL && pluginConfig.publicUrl === undefined) {
    throw new SettingsError("OPENCLAW_PUBLIC_URL is not set: it says where agents reach the control plane's proxy");
  }
  return {
    ...settings,
    // No token of the gateway's own opens the API here.
    gatewayTokens: [],
    provisioning: {
      ...settings.provisioning,
      enabled: true,
      allowDelete: true,
      rateLimitPerMinute: 100_000,
      maxAgentsPerKey: Number.MAX_SAFE_INTEGER,
    },
  };
}

function saysWhetherEnabled(env: Environment, stateDir: string): boolean {
  try {
    const config = parse(configText(env, stateDir)?.text ?? "", [], { allowTrailingComma: true });
    return config?.gateway?.provisioning?.enabled !== undefined;
  } catch {
    return false;
  }
}
