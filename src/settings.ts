import * as z from "zod/mini";

import { fromBase64Url } from "./domain/base64url.ts";
import { bodyCopies } from "./domain/body-memory.ts";
import { isPlainAddress, withoutPassword } from "./domain/plain-address.ts";
import { isAllowEntry } from "./domain/webhook-address.ts";
import { Confinement } from "./schema/agent.ts";
import { PriceSettings } from "./schema/price.ts";
import { HttpUrl } from "./schema/primitives.ts";
import { administersAndOwns, administersAndOwnsFault, Reach, Scope } from "./schema/provisioning-key.ts";
import { WebhookSetting } from "./schema/webhook.ts";

const Gateway = z.strictObject({
  id: z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,63}$/)),
  url: HttpUrl,
  /** That instance's gateway token and provisioning key: as they are, or sealed by `provisioning seal`. */
  token: z.string().check(z.minLength(1)),
  /** Absent where the token alone stands for a key: on a gateway that has agents for one control plane only. */
  key: z.optional(z.string().check(z.minLength(1))),
});

const JwksFields = z.strictObject({
  issuer: z.string().check(z.minLength(1)),
  audience: z.union([
    z.string().check(z.minLength(1)),
    z.array(z.string().check(z.minLength(1))).check(z.minLength(1)),
  ]),
  /** Default: `<issuer>/.well-known/jwks.json`. */
  url: z.optional(HttpUrl),
  /** Asymmetric only: a symmetric one would let the public key sign. */
  algorithms: z
    .array(z.enum(["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]))
    .check(z.minLength(1)),
  clockToleranceSeconds: z._default(z.int().check(z.minimum(0), z.maximum(300)), 30),
  /**
   * `claim` is a name or a path (`realm_access.roles`). A token whose claim equals (or, for a list, holds) the value
   * gets the scopes without a provisioning key; without scopes it reads. One that no rule matches is refused, unless
   * there are no rules.
   */
  rules: z._default(
    z.array(
      z
        .strictObject({
          claim: z.string().check(z.minLength(1)),
          value: z.union([z.string(), z.number(), z.boolean()]),
          scopes: z.array(Scope),
          /** The rule's reach. One rule that says `own` decides over several that match. */
          reach: z.optional(Reach),
          aiProviderKeyId: z.optional(z.string()),
        })
        .check(z.refine((rule) => !administersAndOwns(rule), { path: ["reach"], error: administersAndOwnsFault })),
    ),
    [],
  ),
});

const Jwks = JwksFields.check(
  z.refine((jwks) => jwks.url !== undefined || isPlainAddress(jwks.issuer), {
    path: ["issuer"],
    error: "must be an http or https URL without credentials, from which that of its keys follows, or url be set",
  }),
);

const ProvisioningFields = z.strictObject({
  enabled: z._default(z.boolean(), false),
  basePath: z._default(
    z.string().check(
      z.regex(/^(\/[A-Za-z0-9._~-]+)+$/, 'must begin with "/" and not end with one, as in "/api/v1"'),
      z.refine(
        (path) => !path.split("/").some((segment) => segment === "." || segment === ".."),
        "must not contain dot segments",
      ),
      z.refine(
        (path) => !/^\/(proxy|healthz|readyz|metrics)(\/|$)/.test(path),
        "must not begin with /proxy, /healthz, /readyz or /metrics",
      ),
    ),
    "/api/v1",
  ),
  /** The operator's page in the browser. */
  console: z.prefault(
    z.strictObject({
      enabled: z._default(z.boolean(), true),
      path: z._default(
        z.string().check(
          z.regex(/^(\/[A-Za-z0-9_-]+)+$/, 'must begin with "/" and not end with one, as in "/console"'),
          z.refine(
            (path) => !/^\/(proxy|healthz|readyz|metrics)(\/|$)/.test(path),
            "must not begin with /proxy, /healthz, /readyz or /metrics",
          ),
        ),
        "/console",
      ),
    }),
    {},
  ),
  maxAgentsPerKey: z._default(z.int().check(z.minimum(0)), 100),
  rateLimitPerMinute: z._default(z.int().check(z.minimum(1), z.maximum(100_000)), 10),
  allowDelete: z._default(z.boolean(), false),
  /** The reach of new provisioning keys that do not say; those that administer reach all. */
  keyReach: z._default(Reach, "all"),
  /** Where agents reach this service. Default `http://127.0.0.1:<port>`. */
  publicUrl: z.optional(HttpUrl),
  /** Directories inside which workspaces may be. Default: the state directory. */
  workspaceRoots: z.optional(z.array(z.string().check(z.minLength(1)))),
  /** Addresses or CIDR ranges of reverse proxies whose `X-Forwarded-For` is believed. */
  trustedProxies: z._default(z.array(z.string().check(z.minLength(1))), []),
  /** For how long a server that is to stop lets what is under way go on. */
  drainSeconds: z._default(z.int().check(z.minimum(0), z.maximum(3_600)), 30),
  authFailuresPerMinute: z._default(z.int().check(z.minimum(1)), 300),
  maxBodyBytes: z._default(z.int().check(z.minimum(1024)), 1_048_576),
  proxy: z.prefault(
    z
      .strictObject({
        maxBodyBytes: z._default(z.int().check(z.minimum(1024)), 33_554_432),
        /** Requests of one key under way at once, in each process. */
        maxConcurrentPerKey: z._default(z.int().check(z.minimum(1)), 64),
        /** Bodies that are under way, their text and values included. Default: see `bodyMemoryBytes`. */
        maxBodyMemoryBytes: z.optional(z.int().check(z.minimum(4096))),
        /** From a request's head to the end of its body. */
        bodyTimeoutMs: z._default(z.int().check(z.minimum(1)), 60_000),
        /** Tokens reserved for each image, file or sound that a request names rather than carries. */
        mediaReferenceTokens: z._default(z.int().check(z.minimum(0)), 32_768),
        /** Places in requests' bodies whose bytes bound what they cost, as a refusal writes them. */
        boundedFields: z._default(z.array(z.string().check(z.minLength(1))), []),
        /** The origins of browsers' pages that may call the proxy: `https://chat.example.org`, or `*`. */
        corsOrigins: z._default(
          z.array(
            z
              .string()
              .check(
                z.regex(/^(\*|https?:\/\/[^\s/,*]+)$/, 'must be an origin, as in "https://chat.example.org", or "*"'),
              ),
          ),
          [],
        ),
        /** Providers, by their slug, that tell a stream's usage to whoever asks or does not. */
        tellsUsage: z._default(z.array(z.string().check(z.minLength(1))), []),
        /** Tools that run at the provider, where a token quota is set. */
        hostedTools: z._default(z.enum(["omit", "refuse", "allow"]), "omit"),
        /** Put into requests that do not bound their output, where a token quota is set. Default: `outputBound`. */
        defaultMaxOutputTokens: z.optional(z.int().check(z.minimum(1))),
        connectTimeoutMs: z._default(z.int().check(z.minimum(1)), 10_000),
        silenceTimeoutMs: z._default(z.int().check(z.minimum(1)), 300_000),
      })
      .check(
        z.refine(
          ({ maxBodyBytes, maxBodyMemoryBytes = Number.POSITIVE_INFINITY }) =>
            maxBodyMemoryBytes >= bodyCopies * maxBodyBytes,
          {
            path: ["maxBodyMemoryBytes"],
            message: "must be at least three times maxBodyBytes, for a body, its text and its values",
          },
        ),
      ),
    {},
  ),
  host: z.prefault(
    z.strictObject({
      kind: z.optional(z.enum(["directory", "openclaw", "remote", "registry"])),
      gateways: z._default(z.array(Gateway), []),
      timeoutMs: z._default(z.int().check(z.minimum(100)), 20_000),
      /** The settings of agents on an OpenClaw gateway. */
      openclaw: z.prefault(
        z.strictObject({
          confinement: z._default(Confinement, "workspace"),
          /** Settings of OpenClaw, by their whole names, through which agents may spend another key than their own. */
          unmetered: z._default(z.array(z.string().check(z.minLength(1))), []),
          /** `off` ends OpenClaw's weekly skill review of each agent; it has one switch for all agents. */
          unattended: z.optional(z.enum(["on", "off"])),
        }),
        {},
      ),
    }),
    {},
  ),
  audit: z.prefault(
    z.strictObject({
      /** The file of the trail is closed at this size, and a new one goes on; 0: only by `audit rotate`. */
      rotateBytes: z._default(
        z.int().check(z.refine((bytes) => bytes === 0 || bytes >= 65_536, "must be 0, or at least 65536")),
        268_435_456,
      ),
      /** `"0640"`: the group of the file may read it. */
      mode: z._default(z.enum(["0600", "0640"]), "0600"),
      /** Where each line goes as well, once it is durable. */
      sink: z.optional(
        z.union([
          z.enum(["stdout", "syslog"]),
          z
            .string()
            .check(
              z.regex(
                /^syslog(\+tcp)?:\/\/([^\s/:@]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/,
                'must be "stdout", "syslog", "syslog://host:port" or "syslog+tcp://host:port"',
              ),
            ),
        ]),
      ),
    }),
    {},
  ),
  prices: z.prefault(PriceSettings, {}),
  webhooks: z.prefault(
    z.strictObject({
      /** Receivers inside the network, which are refused otherwise: `host:port`, or a range of addresses. */
      allow: z._default(
        z.array(
          z
            .string()
            .check(
              z.refine(
                isAllowEntry,
                'must be a host and port, as in "alertmanager.monitoring:9093", or a range, as in "10.0.0.0/8"',
              ),
            ),
        ),
        [],
      ),
      endpoints: z._default(
        z.array(WebhookSetting).check(
          z.maxLength(50),
          z.refine(
            (endpoints) => new Set(endpoints.map(({ url }) => url)).size === endpoints.length,
            "must not name one url twice",
          ),
        ),
        [],
      ),
      /** Percent of a quota at which `quota.threshold_reached` is told. */
      thresholds: z._default(z.array(z.int().check(z.minimum(1), z.maximum(99))).check(z.maxLength(4)), [80]),
    }),
    {},
  ),
  auth: z.prefault(z.strictObject({ jwks: z.optional(Jwks) }), {}),
  metrics: z.prefault(z.strictObject({ agentLabels: z._default(z.boolean(), false) }), {}),
});

const Provisioning = ProvisioningFields.check(
  z.refine(
    ({ basePath, console: { path } }) =>
      !`${path}/`.startsWith(`${basePath}/`) && !`${basePath}/`.startsWith(`${path}/`),
    {
      path: ["console", "path"],
      message: "must be neither above nor below basePath",
    },
  ),
);

/** The file belongs to OpenClaw too: only the parts that are ours are strict. */
export const Settings = z.looseObject({
  gateway: z.prefault(z.looseObject({ provisioning: z.prefault(Provisioning, {}) }), {}),
  logging: z.prefault(z.looseObject({ level: z._default(z.enum(["debug", "info", "warn", "error"]), "info") }), {}),
});

export type ProvisioningSettings = z.infer<typeof Provisioning>;
export interface Settings {
  provisioning: ProvisioningSettings & { publicUrl: string };
  logLevel: "debug" | "info" | "warn" | "error";
  /** Every call's bearer token. */
  gatewayTokens: readonly string[];
  /** Stands for a key with `provisioning:admin`, on targets without a shell. */
  adminTokens: readonly string[];
}

/** A setting that stops the start: where it stands, what it is, what it has to be. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

/** One that may be guessed in an afternoon is none, on an address that the whole world can reach. */
const secretLength = 16;
export const makeToken =
  "for example with: openssl rand -hex 32 (or: node -p \"crypto.randomBytes(32).toString('hex')\")";
/** 32 bytes in base64url. */
export const makeSecret = "for example with: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='";

export const tooShort = `shorter than ${secretLength} characters`;
export const isGuessable = (token: string): boolean => token.length < secretLength;

/** @throws SettingsError for what a header cannot carry as one value: a comma is what joins two */
export function checkToken(name: string, token: string): void {
  if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(token)) {
    throw new SettingsError(`${name} must be printable ASCII without spaces and commas: make another, ${makeToken}`);
  }
}

/** @throws SettingsError also for one that is too short */
export function checkSecretToken(name: string, token: string): void {
  checkToken(name, token);
  if (isGuessable(token)) throw new SettingsError(`${name} is ${tooShort}: make a longer one, ${makeToken}`);
}

/**
 * @param text one seal key, or several separated by commas: the first seals, all of them open
 * @param source the variable or file that it stands in
 * @throws SettingsError
 */
export function parseSealKeys(text: string, source: string): Uint8Array[] {
  return text.split(",").map((part) => {
    const bytes = fromBase64Url(part.trim().replace(/=$/, ""));
    if (bytes?.length === 32) return bytes;
    throw new SettingsError(
      `${source} is not 32 bytes in base64url (43 characters of A-Z, a-z, 0-9, - and _): give the key that secrets ` +
        `were sealed under; for a new deployment make one, ${makeSecret}`,
    );
  });
}

/** @throws SettingsError where one token would open both: whoever may call would be the administrator */
export function checkTokensDiffer(adminTokens: readonly string[], gatewayTokens: readonly string[]): void {
  if (adminTokens.some((token) => gatewayTokens.includes(token))) {
    throw new SettingsError(`OPENCLAW_ADMIN_TOKEN is the gateway token: make it another secret, ${makeToken}`);
  }
}

/** Never what stands inside a wrong value: a section may hold secrets, and an address a password. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "a section";
  const text = withoutPassword(JSON.stringify(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A webhook's address may be all that its receiver asks for. */
const secretPath = /(token|key|secret)$|webhooks\.endpoints(\.\d+)?(\.url)?$/;

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
