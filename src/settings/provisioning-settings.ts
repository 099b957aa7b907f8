import * as z from "zod/mini";
import { Confinement } from "../schema/agent-fields.ts";
import { Labels } from "../schema/label.ts";
import { PriceSettings } from "../schema/price.ts";
import { HttpUrl } from "../schema/primitives.ts";
import { Reach } from "../schema/provisioning-key.ts";
import { AuditSettings } from "./audit-settings.ts";
import { JwksSettings } from "./jwks-settings.ts";
import { ProxySettings } from "./proxy-settings.ts";
import { WebhookSettings } from "./webhook-settings.ts";

/** How many agents it has at most, those included that others made. */
const MaxAgents = z.int().check(z.minimum(0));

const SomeLabels = Labels.check(z.refine((labels) => Object.keys(labels).length > 0, "must name at least one label"));

const Gateway = z
  .strictObject({
    /** With `dns` it stands before each one's own id. */
    id: z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,63}$/)),
    url: z.optional(HttpUrl),
    /** Given in place of `url`: each address of this name is a gateway. */
    dns: z.optional(
      z
        .string()
        .check(z.maxLength(253), z.regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/, "must be a host's name")),
    ),
    /** The port of those that `dns` finds. Default: 18789. */
    port: z.optional(z.int().check(z.minimum(1), z.maximum(65_535))),
    /** That instance's gateway token and provisioning key: as they are, or sealed by `provisioning seal`. */
    token: z.string().check(z.minLength(1)),
    /** Absent where the token alone stands for a key: on a gateway that has agents for one control plane only. */
    key: z.optional(z.string().check(z.minLength(1))),
    maxAgents: z.optional(MaxAgents),
    /** An operator's own words for it, which `placement` goes by. */
    labels: z.optional(Labels),
  })
  .check(
    z.refine(({ url, dns }) => (url === undefined) !== (dns === undefined), 'needs either "url" or "dns"'),
    z.refine(({ dns, port }) => dns !== undefined || port === undefined, '"port" stands in "url"'),
  );

const PlacementRule = z.strictObject({ agents: SomeLabels, gateways: SomeLabels });

const besideFixedPaths = z.refine<string>(
  (path) => !/^\/(proxy|healthz|readyz|metrics)(\/|$)/.test(path),
  "must not begin with /proxy, /healthz, /readyz or /metrics",
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
      besideFixedPaths,
    ),
    "/api/v1",
  ),
  /** The operator's page in the browser. */
  console: z.prefault(
    z.strictObject({
      enabled: z._default(z.boolean(), true),
      path: z._default(
        z
          .string()
          .check(
            z.regex(/^(\/[A-Za-z0-9_-]+)+$/, 'must begin with "/" and not end with one, as in "/console"'),
            besideFixedPaths,
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
  /** The address at which agents reach this service. Default `http://127.0.0.1:<port>`. */
  publicUrl: z.optional(HttpUrl),
  /** Directories inside which workspaces may be. Default: the state directory. */
  workspaceRoots: z.optional(z.array(z.string().check(z.minLength(1)))),
  /** Addresses or CIDR ranges of reverse proxies whose `X-Forwarded-For` is believed. */
  trustedProxies: z._default(z.array(z.string().check(z.minLength(1))), []),
  /** The time that a server which is to stop gives to what is under way. */
  drainSeconds: z._default(z.int().check(z.minimum(0), z.maximum(3_600)), 30),
  authFailuresPerMinute: z._default(z.int().check(z.minimum(1)), 300),
  maxBodyBytes: z._default(z.int().check(z.minimum(1024)), 1_048_576),
  proxy: ProxySettings,
  host: z.prefault(
    z.strictObject({
      kind: z.optional(z.enum(["directory", "openclaw", "remote", "registry"])),
      gateways: z._default(z.array(Gateway), []),
      /** The bound of the deployment's own host: one with gateways has it at each of them. */
      maxAgents: z.optional(MaxAgents),
      /** Which agents belong on which gateways. */
      placement: z._default(z.array(PlacementRule), []),
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
  audit: AuditSettings,
  prices: z.prefault(PriceSettings, {}),
  webhooks: WebhookSettings,
  auth: z.prefault(z.strictObject({ jwks: z.optional(JwksSettings) }), {}),
  metrics: z.prefault(z.strictObject({ agentLabels: z._default(z.boolean(), false) }), {}),
});

/** The section `gateway.provisioning`. */
export const ProvisioningSettings = ProvisioningFields.check(
  z.refine(
    ({ basePath, console: { path } }) =>
      !`${path}/`.startsWith(`${basePath}/`) && !`${basePath}/`.startsWith(`${path}/`),
    {
      path: ["console", "path"],
      message: "must be neither above nor below basePath",
    },
  ),
);
export type ProvisioningSettings = z.infer<typeof ProvisioningSettings>;
