import { fromBase64Url } from "../../src/domain/base64url.ts";
import { parseSettings, type Settings, SettingsError } from "../../src/settings.ts";

/** Variables and secrets, as `wrangler` sets them. */
export interface Variables {
  /** The settings of `config.json`: JSON text, or the object itself as `wrangler.jsonc` may have it. */
  OPENCLAW_CONFIG?: unknown;
  /** Overrides `gateway.provisioning.enabled`. */
  OPENCLAW_PROVISIONING_ENABLED?: string | undefined;
  /** Overrides `gateway.provisioning.publicUrl`. */
  OPENCLAW_PUBLIC_URL?: string | undefined;
  OPENCLAW_GATEWAY_TOKEN?: string | undefined;
  /** Stands for a key with `provisioning:admin`. */
  OPENCLAW_ADMIN_TOKEN?: string | undefined;
  /** 32 bytes, base64url. */
  OPENCLAW_PROVISIONING_SEAL_KEY?: string | undefined;
}

/** One that may be guessed in an afternoon is none, on an address that the whole world can reach. */
const tokenLength = 16;
const random = "for example with: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='";

/**
 * @throws SettingsError naming every variable at fault and what it has to be, and no secret
 */
export function readWorkerSettings(variables: Variables): { settings: Settings; sealKey: Uint8Array } {
  const faults: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      faults.push(error.message);
      return undefined;
    }
  };
  const parsed = attempt(() => parseSettings(withOverrides(variables), "OPENCLAW_CONFIG"));
  const gatewayToken = attempt(() => readToken(variables, "OPENCLAW_GATEWAY_TOKEN"));
  const adminToken = attempt(() =>
    variables.OPENCLAW_ADMIN_TOKEN === undefined ? undefined : readToken(variables, "OPENCLAW_ADMIN_TOKEN"),
  );
  const sealKey = attempt(() => readSealKey(variables.OPENCLAW_PROVISIONING_SEAL_KEY));
  const publicUrl = parsed?.provisioning.publicUrl;
  if (parsed && publicUrl === undefined) {
    faults.push("OPENCLAW_PUBLIC_URL is not set: give it the address at which agents reach this Worker");
  }
  if (adminToken !== undefined && adminToken === gatewayToken) {
    faults.push("OPENCLAW_ADMIN_TOKEN is the gateway token: make it another secret");
  }
  if (!parsed || !gatewayToken || !sealKey || publicUrl === undefined || faults.length > 0) {
    throw new SettingsError(faults.join("; "));
  }
  const { logLevel, provisioning } = parsed;
  return { settings: { logLevel, provisioning: { ...provisioning, publicUrl }, gatewayToken, adminToken }, sealKey };
}

function withOverrides(variables: Variables): unknown {
  const config = readConfig(variables.OPENCLAW_CONFIG);
  const enabled = readSwitch(variables.OPENCLAW_PROVISIONING_ENABLED);
  const publicUrl = variables.OPENCLAW_PUBLIC_URL || undefined;
  if (enabled === undefined && publicUrl === undefined) return config;
  if (!isObject(config) || !isObject(config.gateway ?? {})) return config;
  const gateway = (config.gateway ?? {}) as Record<string, unknown>;
  if (!isObject(gateway.provisioning ?? {})) return config;
  const provisioning = {
    ...(gateway.provisioning as object | undefined),
    ...(enabled !== undefined && { enabled }),
    ...(publicUrl !== undefined && { publicUrl }),
  };
  return { ...config, gateway: { ...gateway, provisioning } };
}

function readConfig(value: unknown): unknown {
  if (value === undefined || value === "") return {};
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    throw new SettingsError('OPENCLAW_CONFIG is not valid JSON: it reads {"gateway":{"provisioning":{...}}}');
  }
}

function readSwitch(value: string | undefined): boolean | undefined {
  if (value === undefined || value === "") return undefined;
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new SettingsError('OPENCLAW_PROVISIONING_ENABLED must be "true" or "false"');
}

function readToken(variables: Variables, name: "OPENCLAW_GATEWAY_TOKEN" | "OPENCLAW_ADMIN_TOKEN"): string {
  const token = variables[name];
  if (!token) throw new SettingsError(`${name} is not set: make a secret of it, ${random}`);
  if (!/^[\x21-\x7e]+$/.test(token)) throw new SettingsError(`${name} must be printable ASCII without spaces`);
  if (token.length < tokenLength) {
    throw new SettingsError(`${name} is shorter than ${tokenLength} characters: make a longer one, ${random}`);
  }
  return token;
}

function readSealKey(text: string | undefined): Uint8Array {
  if (!text) throw new SettingsError(`OPENCLAW_PROVISIONING_SEAL_KEY is not set: make a secret of it, ${random}`);
  const bytes = fromBase64Url(text.replace(/=$/, ""));
  if (bytes?.length !== 32) {
    throw new SettingsError(`OPENCLAW_PROVISIONING_SEAL_KEY is not 32 bytes in base64url: make one, ${random}`);
  }
  return bytes;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
