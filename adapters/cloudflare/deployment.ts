import { waitUntil } from "cloudflare:workers";
import { type App, createApp } from "../../src/app.ts";
import { bulkBatch } from "../../src/domain/bulk-batch.ts";
import { toHex } from "../../src/domain/hex.ts";
import { createRegistryHost } from "../../src/host/registry-host.ts";
import { createRemoteHost } from "../../src/host/remote-host.ts";
import type { AgentHost, Log } from "../../src/ports.ts";
import { openGateways } from "../../src/service/secrets/config-secret.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { Settings } from "../../src/settings.ts";
import type { Ports } from "../../src/storage/keyspace.ts";
import { loadConsoleAssets } from "../console/load-assets.ts";
import { createDurableAudit } from "./audit.ts";
import type { Bindings } from "./bindings.ts";
import { createConsoleLog } from "./console-log.ts";
import { edgeFetch } from "./edge-fetch.ts";
import { createKvRecords } from "./kv-records.ts";
import { createDurableLedger } from "./ledger.ts";
import { createLeftovers, type Leftovers } from "./leftovers.ts";
import { createDurableActivity, createDurableOutbox } from "./outbox.ts";
import { sha256 } from "./sha256.ts";
import { readWorkerSettings } from "./worker-settings.ts";
import { createWorkerWebhooks } from "./worker-webhooks.ts";

const clock = { now: () => Date.now() };
export const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const randomId = (): string => toHex(randomBytes(8));

/** The app of one isolate, made at its first request. */
export interface Deployment {
  env: Bindings;
  app: App;
  leftovers: Leftovers;
}

/** One an isolate: bindings and settings change only with a new one. */
let made: Deployment | undefined;

/**
 * Requests that come before it is made each make their own: on a Worker, one cannot wait for another's promise.
 *
 * @throws SettingsError, Problem `host_unavailable`
 */
export async function deploymentFor(env: Bindings): Promise<Deployment> {
  if (made?.env === env) return made;
  const deployment = await build(env);
  made = deployment;
  return deployment;
}

async function build(env: Bindings): Promise<Deployment> {
  const { settings, sealKeys } = readWorkerSettings(env);
  checkBindings(env);
  const log = createConsoleLog(settings.logLevel);
  const leftovers = createLeftovers(env.RECORDS);
  const ledger = createDurableLedger({ objects: env.LEDGER, leftovers, clock });
  const app = createApp(
    {
      records: createKvRecords(env.RECORDS, ledger, leftovers),
      ledger,
      audit: createDurableAudit({ objects: env.AUDIT, clock }),
      host: await openHost(settings, { log, sealKeys }),
      outbox: createDurableOutbox({ objects: env.ALERTS, clock }),
      activity: createDurableActivity(env.ALERTS),
      // Each look is a few subrequests, of which an invocation has a budget.
      eventTicks: { everyMs: 3_000, most: 40 },
      webhooks: createWorkerWebhooks(settings.provisioning.webhooks.allow, edgeFetch),
      clock,
      crypto: { sha256, randomBytes },
      fetch: edgeFetch,
      log,
      // An isolate ends without a word, so that of none it is known that it is gone: its claims run out instead.
      instance: { id: `worker-${randomId()}`, isGone: () => false },
      sealKeys,
      // A deletion takes up to forty of the thousand operations in an invocation, and more where keys were moved.
      mostBulkChanges: bulkBatch,
      background: waitUntil,
      // Thirty seconds, less the settlement's.
      backgroundMs: 25_000,
    },
    settings,
    { consoleAssets: loadConsoleAssets },
  );
  return { env, app, leftovers };
}

/** @throws SettingsError naming those that a `wrangler.jsonc` of one's own has left out */
function checkBindings(env: Partial<Bindings>): void {
  const missing = (["RECORDS", "LEDGER", "AUDIT", "ALERTS"] as const).filter((name) => env[name] === undefined);
  if (missing.length === 0) return;
  throw new SettingsError(
    `the binding ${missing.join(" and ")} is missing: take over kv_namespaces, durable_objects and migrations of adapters/cloudflare/wrangler.jsonc`,
  );
}

async function openHost(
  { provisioning: { host } }: Settings,
  { log, sealKeys }: { log: Log; sealKeys: Ports["sealKeys"] },
): Promise<AgentHost> {
  const kind = host.kind ?? (host.gateways.length > 0 ? "remote" : "registry");
  switch (kind) {
    case "registry":
      return createRegistryHost();
    case "remote": {
      const gateways = await openGateways({ sealKeys }, host.gateways);
      return createRemoteHost({ gateways, timeoutMs: host.timeoutMs, fetch: edgeFetch, clock, log });
    }
    default:
      throw new SettingsError(
        `OPENCLAW_CONFIG: gateway.provisioning.host.kind is "${kind}"; on a Worker it is "remote" or "registry"`,
      );
  }
}
