import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DoctorCheck } from "../../src/cli/doctor-report.ts";
import { isSealed } from "../../src/service/secrets/config-secret.ts";
import { checkToken, isGuessable, makeToken, tooShort } from "../../src/settings/credentials.ts";
import { agentsCanRead } from "../openclaw/agents-can-read.ts";
import type { Environment } from "./environment.ts";
import { firstStartFile } from "./first-start.ts";
import type { NodeSettings } from "./node-settings.ts";

/** Whether it is switched on, and its token is no guess. */
export function settingsCheck({ settings, stateDir }: NodeSettings, env: Environment, ownsToken: boolean): DoctorCheck {
  const name = "settings";
  const isUnsaid = !env.OPENCLAW_PROVISIONING_ENABLED && !settings.provisioning.enabled;
  if (isUnsaid && existsSync(join(stateDir, firstStartFile))) {
    const detail = `base path ${settings.provisioning.basePath}; \`npm start\` switches provisioning on by itself, and no other start here does`;
    return { name, status: "ok", detail };
  }
  if (!settings.provisioning.enabled) {
    const remedy = 'set OPENCLAW_PROVISIONING_ENABLED=true, or "gateway.provisioning.enabled": true in config.json';
    return { name, status: "warning", detail: "provisioning is switched off", remedy };
  }
  if (settings.gatewayTokens.length === 0) {
    return {
      name,
      status: "warning",
      detail: "no gateway token in this environment",
      remedy: "set OPENCLAW_GATEWAY_TOKEN",
    };
  }
  if (ownsToken) for (const token of settings.gatewayTokens) checkToken("OPENCLAW_GATEWAY_TOKEN", token);
  if (settings.gatewayTokens.some(isGuessable)) {
    const detail = `the gateway token is ${tooShort} and may be guessed`;
    const where = ownsToken ? "OPENCLAW_GATEWAY_TOKEN" : "gateway.auth.token, or OPENCLAW_GATEWAY_TOKEN,";
    return {
      name,
      status: ownsToken ? "failed" : "warning",
      detail,
      remedy: `set ${where} to a longer one, ${makeToken}`,
    };
  }
  return { name, status: "ok", detail: `base path ${settings.provisioning.basePath}` };
}

/** Secrets of gateways that stand in the clear. */
export const plainSecrets = ({ settings }: NodeSettings): DoctorCheck[] =>
  settings.provisioning.host.gateways
    .filter(({ token, key }) => !isSealed(token) || (key !== undefined && !isSealed(key)))
    .map(({ id }) => ({
      name: "gateway secrets",
      status: "warning",
      detail: `config.json holds the secrets of the gateway "${id}" in the clear`,
      remedy: "`provisioning seal` turns a secret into what config.json can hold in its place",
    }));

/** Nothing is to be mended where the agents are one's own, and nobody else can tell whether they are. */
export const besideAgents = ({ settings }: NodeSettings): DoctorCheck[] =>
  settings.provisioning.host.kind === "openclaw"
    ? [{ name: "beside agents", status: "warning", detail: agentsCanRead }]
    : [];
