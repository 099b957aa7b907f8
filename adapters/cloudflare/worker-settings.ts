import { isRecord } from "../../src/domain/is-record.ts";
import { withoutPassword } from "../../src/domain/plain-address.ts";
import { tokensIn } from "../../src/domain/token.ts";
import { HttpUrl } from "../../src/schema/primitives.ts";
import {
  checkSecretToken,
  checkTokensDiffer,
  makeSecret,
  makeToken,
  parseSealKeys,
} from "../../src/settings/credentials.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import { parseSettings, type Settings } from "../../src/settings.ts";
import type { Ports } from "../../src/storage/keyspace.ts";

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

/**
 * @throws SettingsError naming every variable at fault and what it has to be, and no secret
 */
export function readWorkerSettings(variables: Variables): { settings: Settings; sealKeys: Ports["sealKeys"] } {
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
  const givenUrl = attempt(() => readPublicUrl(variables.OPENCLAW_PUBLIC_URL));
  const parsed = attempt(() => parseSettings(withOverrides(variables), "OPENCLAW_CONFIG"));
  const gatewayTokens = attempt(() => readTokens(variables, "OPENCLAW_GATEWAY_TOKEN"));
  const adminTokens = attempt(() =>
    variables.OPENCLAW_ADMIN_TOKEN === undefined ? [] : readTokens(variables, "OPENCLAW_ADMIN_TOKEN"),
  );
  const sealKeys = attempt(() => readSealKeys(variables.OPENCLAW_PROVISIONING_SEAL_KEY));
  const publicUrl = givenUrl ?? parsed?.provisioning.publicUrl;
  if (parsed && publicUrl === undefined && !variables.OPENCLAW_PUBLIC_URL) {
    faults.push("OPENCLAW_PUBLIC_URL is not set: give it the address at which agents reach this Worker");
  }
  if (parsed?.provisioning.audit.sink !== undefined) {
    faults.push("gateway.provisioning.audit.sink goes with the trail in files, not on a Worker; leave it out");
  }
  attempt(() => checkTokensDiffer(adminTokens ?? [], gatewayTokens ?? []));
  if (!parsed || !gatewayTokens || !adminTokens || !sealKeys || publicUrl === undefined || faults.length > 0) {
    throw new SettingsError(faults.join("; "));
  }
  const { logLevel, provisioning } = parsed;
  return {
    settings: { logLevel, provisioning: { ...provisioning, publicUrl }, gatewayTokens, adminTokens },
    sealKeys: () => sealKeys,
  };
}

function withOverrides(variables: Variables): unknown {
  const config = readConfig(variables.OPENCLAW_CONFIG);
  const enabled = readSwitch(variables.OPENCLAW_PROVISIONING_ENABLED);
  if (enabled === undefined) return config;
  if (!isRecord(config) || !isRecord(config.gateway ?? {})) return config;
  const gateway = (config.gateway ?? {}) as Record<string, unknown>;
  if (!isRecord(gateway.provisioning ?? {})) return config;
  return { ...config, gateway: { ...gateway, provisioning: { ...(gateway.provisioning as object), enabled } } };
}

function readPublicUrl(text: string | undefined): string | undefined {
  if (!text) return undefined;
  const url = HttpUrl.safeParse(text);
  if (url.success) return url.data;
  throw new SettingsError(
    `OPENCLAW_PUBLIC_URL is "${withoutPassword(text)}"; it must be an http or https URL, as in https://agents.example.org`,
  );
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

function readTokens(variables: Variables, name: "OPENCLAW_GATEWAY_TOKEN" | "OPENCLAW_ADMIN_TOKEN"): string[] {
  const tokens = tokensIn(variables[name]);
  if (tokens.length === 0) throw new SettingsError(`${name} is not set: make a secret of it, ${makeToken}`);
  for (const token of tokens) checkSecretToken(name, token);
  return tokens;
}

function readSealKeys(text: string | undefined): Uint8Array[] {
  if (!text) throw new SettingsError(`OPENCLAW_PROVISIONING_SEAL_KEY is not set: make a secret of it, ${makeSecret}`);
  return parseSealKeys(text, "OPENCLAW_PROVISIONING_SEAL_KEY");
}
