import * as z from "zod";
import { HttpUrl } from "./schema/primitives.ts";
import { Scope } from "./schema/provisioning-key.ts";

const Gateway = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/),
  url: HttpUrl,
  /** That instance's gateway token and provisioning key: as they are, or sealed by `provisioning seal`. */
  token: z.string().min(1),
  key: z.string().min(1),
});

const Jwks = z.strictObject({
  issuer: z.string().min(1),
  audience: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  /** Default: `<issuer>/.well-known/jwks.json`. */
  url: HttpUrl.optional(),
  /** Asymmetric only: a symmetric one would let the public key sign. */
  algorithms: z
    .array(z.enum(["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]))
    .min(1),
  clockToleranceSeconds: z.int().min(0).max(300).default(30),
  /** A token whose claim equals (or, for a list, holds) the value gets the scopes without a provisioning key. */
  rules: z
    .array(
      z.strictObject({
        claim: z.string().min(1),
        value: z.union([z.string(), z.number(), z.boolean()]),
        scopes: z.array(Scope).min(1),
        aiProviderKeyId: z.string().optional(),
      }),
    )
    .default([]),
});

const Provisioning = z.strictObject({
  enabled: z.boolean().default(false),
  basePath: z
    .string()
    .regex(/^(\/[A-Za-z0-9._~-]+)+$/, 'must begin with "/" and not end with one, as in "/api/v1"')
    .refine(
      (path) => !path.split("/").some((segment) => segment === "." || segment === ".."),
      "must not contain dot segments",
    )
    .refine(
      (path) => !/^\/(proxy|healthz|readyz|metrics)(\/|$)/.test(path),
      "must not begin with /proxy, /healthz, /readyz or /metrics",
    )
    .default("/api/v1"),
  maxAgentsPerKey: z.int().min(0).default(100),
  rateLimitPerMinute: z.int().min(1).max(100_000).default(10),
  allowDelete: z.boolean().default(false),
  /** Where agents reach this service. Default `http://127.0.0.1:<port>`. */
  publicUrl: HttpUrl.optional(),
  /** Directories inside which workspaces may be. Default: the state directory. */
  workspaceRoots: z.array(z.string().min(1)).optional(),
  /** Addresses or CIDR ranges of reverse proxies whose `X-Forwarded-For` is believed. */
  trustedProxies: z.array(z.string().min(1)).default([]),
  authFailuresPerMinute: z.int().min(1).default(300),
  maxBodyBytes: z.int().min(1024).default(1_048_576),
  proxy: z
    .strictObject({
      maxBodyBytes: z.int().min(1024).default(33_554_432),
      /** Tokens reserved for each image, file or sound that a request names rather than carries. */
      mediaReferenceTokens: z.int().min(0).default(32_768),
      /** Put into requests that do not bound their output, where a token quota is set. */
      defaultMaxOutputTokens: z.int().min(1).default(8192),
      connectTimeoutMs: z.int().min(1).default(10_000),
      silenceTimeoutMs: z.int().min(1).default(300_000),
    })
    .prefault({}),
  host: z
    .strictObject({
      kind: z.enum(["directory", "openclaw", "remote", "registry"]).optional(),
      gateways: z.array(Gateway).default([]),
      timeoutMs: z.int().min(100).default(20_000),
    })
    .prefault({}),
  auth: z.strictObject({ jwks: Jwks.optional() }).prefault({}),
  metrics: z.strictObject({ agentLabels: z.boolean().default(false) }).prefault({}),
});

/** The file belongs to OpenClaw too: only the parts that are ours are strict. */
export const Settings = z.looseObject({
  gateway: z.looseObject({ provisioning: Provisioning.prefault({}) }).prefault({}),
  logging: z.looseObject({ level: z.enum(["debug", "info", "warn", "error"]).default("info") }).prefault({}),
});

export type ProvisioningSettings = z.infer<typeof Provisioning>;
export interface Settings {
  provisioning: ProvisioningSettings & { publicUrl: string };
  logLevel: "debug" | "info" | "warn" | "error";
  /** Every call's bearer token. */
  gatewayToken: string;
  /** Stands for a key with `provisioning:admin`, on targets without a shell. */
  adminToken?: string | undefined;
}

/** A setting that stops the start: where it stands, what it is, what it has to be. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/** Never what stands inside a wrong value: a section may hold secrets, and an address a password. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "a section";
  const text = withoutPassword(JSON.stringify(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

export const withoutPassword = (url: string): string => url.replace(/\/\/[^/]*@/g, "//...@");

const secretPath = /(token|key)$/;

function valueAt(value: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step], value);
}

/**
 * @param source what `raw` was read from, for the message (`config.json`, `OPENCLAW_CONFIG`)
 * @throws SettingsError naming every wrong setting
 */
export function parseSettings(
  raw: unknown,
  source: string,
): Pick<Settings, "logLevel"> & { provisioning: ProvisioningSettings } {
  const parsed = Settings.safeParse(raw ?? {});
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => {
      const path = issue.path.join(".") || "(the whole file)";
      if (issue.code === "unrecognized_keys") {
        return `${path}: unknown setting ${issue.keys.map((key) => `"${key}"`).join(", ")}; remove it or correct its name`;
      }
      const value = secretPath.test(path) ? ":" : ` is ${shown(valueAt(raw, issue.path))};`;
      return `${path}${value} ${issue.message}`;
    });
    throw new SettingsError(`${source}: ${faults.join("; ")}`);
  }
  return { provisioning: parsed.data.gateway.provisioning, logLevel: parsed.data.logging.level };
}
