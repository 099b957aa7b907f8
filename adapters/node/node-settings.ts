import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { withoutPassword } from "../../src/domain/plain-address.ts";
import { tokensIn } from "../../src/domain/token.ts";
import { HttpUrl } from "../../src/schema/primitives.ts";
import { checkSecretToken, checkTokensDiffer, makeToken } from "../../src/settings/credentials.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import { parseSettings, type Settings } from "../../src/settings.ts";
import { type AgentsLink, agentsLinkFrom } from "./agents-link.ts";
import { createClientAddress } from "./client-address.ts";
import type { Environment } from "./environment.ts";
import { readConfig } from "./read-config.ts";
import { withSecretFiles } from "./secret-variables.ts";
import { storeKindOf, storeUrls } from "./stores/store-kinds.ts";
import { workerCount } from "./workers/worker-count.ts";

/** `$OPENCLAW_STATE_DIR`, or `~/.openclaw`; absolute. */
export function stateDirFrom(env: Environment): string {
  return resolve(env.OPENCLAW_STATE_DIR || join(env.HOME || homedir(), ".openclaw"));
}

/** The settings of a Node process: those of the service, and those of its machine. */
export interface NodeSettings {
  settings: Settings;
  stateDir: string;
  host: string;
  port: number;
  /** Processes that serve. */
  workers: number;
  /** The URL of a store that several instances may share; absent: files. */
  storage: string | undefined;
  /** The gateway of a deployment that is split in two; present with the host `remote` only. */
  agents?: AgentsLink | undefined;
}

/**
 * The settings of `config.json`, or of what stands in its place, under those of the environment.
 *
 * @throws SettingsError naming the setting, its value and the remedy
 */
export function readNodeSettings(environment: Environment): NodeSettings {
  const env = withSecretFiles(environment);
  const stateDir = stateDirFrom(env);
  const { config, source } = readConfig(env, stateDir);
  const { provisioning, logLevel } = parseSettings(config, source);
  createClientAddress(provisioning.trustedProxies);
  const enabled = flag(env, "OPENCLAW_PROVISIONING_ENABLED");
  // An address may be in brackets, as in a URL.
  const host = (env.OPENCLAW_GATEWAY_HOST || "127.0.0.1").replace(/^\[(.*)\]$/, "$1");
  const port = portFrom(env);
  const agentsUrl = urlFrom(env, "OPENCLAW_AGENTS_URL", "http://openclaw-agents:18789");
  const agents = agentsLinkFrom(env, agentsUrl, flag(env, "OPENCLAW_AGENTS_BY_DNS"));
  const hostKind = hostKindFrom(env) ?? (agents ? "remote" : provisioning.host.kind);
  if (agents && hostKind !== "remote") {
    throw new SettingsError(
      `OPENCLAW_AGENTS_URL is set, and the host is "${hostKind}": take the one away, or make the other "remote"`,
    );
  }
  if (provisioning.host.gateways.length > 0 && hostKind !== "remote") {
    throw new SettingsError(
      `gateway.provisioning.host.gateways names gateways, and the host is "${hostKind ?? "directory"}", which has none: set ` +
        'gateway.provisioning.host.kind to "remote" (OPENCLAW_PROVISIONING_HOST, where it is set, goes before it), or take ' +
        "them out",
    );
  }
  const publicUrl =
    urlFrom(env, "OPENCLAW_PUBLIC_URL", "https://agents.example.org") ??
    provisioning.publicUrl ??
    `http://${reachableHost(host)}:${port}`;
  return {
    stateDir,
    host,
    port,
    workers: workerCount(env),
    storage: storageFrom(env),
    agents,
    settings: {
      provisioning: {
        ...provisioning,
        enabled: enabled ?? provisioning.enabled,
        publicUrl,
        drainSeconds: drainSecondsFrom(env) ?? provisioning.drainSeconds,
        host: { ...provisioning.host, kind: hostKind },
      },
      logLevel,
      gatewayTokens: tokensIn(env.OPENCLAW_GATEWAY_TOKEN),
      adminTokens: adminTokensFrom(env),
    },
  };
}

/** @throws SettingsError for a server without one, which could answer nobody */
export function requireGatewayTokens({ settings: { gatewayTokens } }: Pick<NodeSettings, "settings">): void {
  if (gatewayTokens.length === 0) {
    throw new SettingsError(
      `OPENCLAW_GATEWAY_TOKEN is not set: every call carries it. Make one, ${makeToken}, and put it into .env or the environment`,
    );
  }
  for (const token of gatewayTokens) checkSecretToken("OPENCLAW_GATEWAY_TOKEN", token);
}

/** The host in a URL on this machine for an address that is listened on. */
export function reachableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function flag(env: Environment, name: string): boolean | undefined {
  const text = env[name]?.trim().toLowerCase();
  if (text === undefined || text === "") return undefined;
  if (["true", "1", "yes", "on"].includes(text)) return true;
  if (["false", "0", "no", "off"].includes(text)) return false;
  throw new SettingsError(`${name} is "${env[name]}"; it must be true or false`);
}

function adminTokensFrom(env: Environment): string[] {
  const tokens = tokensIn(env.OPENCLAW_ADMIN_TOKEN);
  for (const token of tokens) checkSecretToken("OPENCLAW_ADMIN_TOKEN", token);
  checkTokensDiffer(tokens, tokensIn(env.OPENCLAW_GATEWAY_TOKEN));
  return tokens;
}

const hostKinds = ["directory", "openclaw", "remote", "registry"] as const;

function hostKindFrom(env: Environment): (typeof hostKinds)[number] | undefined {
  const text = env.OPENCLAW_PROVISIONING_HOST;
  if (!text) return undefined;
  const kind = hostKinds.find((one) => one === text);
  if (kind) return kind;
  throw new SettingsError(`OPENCLAW_PROVISIONING_HOST is "${text}"; it must be one of ${hostKinds.join(", ")}`);
}

function portFrom(env: Environment): number {
  const text = env.OPENCLAW_GATEWAY_PORT || "18789";
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new SettingsError(`OPENCLAW_GATEWAY_PORT is "${text}"; it must be a port number from 0 to 65535`);
}

function drainSecondsFrom(env: Environment): number | undefined {
  const text = env.OPENCLAW_DRAIN_SECONDS?.trim();
  if (!text) return undefined;
  if (/^\d{1,4}$/.test(text) && Number(text) <= 3_600) return Number(text);
  throw new SettingsError(`OPENCLAW_DRAIN_SECONDS is "${text}"; it must be a number of seconds from 0 to 3600`);
}

function urlFrom(env: Environment, name: string, example: string): string | undefined {
  const text = env[name];
  if (!text) return undefined;
  const url = HttpUrl.safeParse(text);
  if (url.success) return url.data;
  throw new SettingsError(
    `${name} is "${withoutPassword(text)}"; it must be an http or https URL without credentials, as in ${example}`,
  );
}

function storageFrom(env: Environment): string | undefined {
  const text = env.OPENCLAW_PROVISIONING_STORAGE;
  if (!text) return undefined;
  if (storeKindOf(text)) return text;
  throw new SettingsError(
    `OPENCLAW_PROVISIONING_STORAGE is "${withoutPassword(text)}"; it must be ${storeUrls}, or left out for files`,
  );
}
