import { hash, randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { createStorage } from "unstorage";
import { createRegistryHost } from "../../src/host/registry-host.ts";
import { createRemoteHost } from "../../src/host/remote-host.ts";
import type { AgentHost, Clock, Ledger, Log } from "../../src/ports.ts";
import { openGateways } from "../../src/service/secrets/config-secret.ts";
import { SettingsError } from "../../src/settings.ts";
import type { Ports } from "../../src/storage/keyspace.ts";
import { createRecords } from "../../src/storage/records.ts";
import { linkToken } from "./agents-link.ts";
import { createAuditFile } from "./audit/audit-file.ts";
import { createAuditSink } from "./audit/audit-sink.ts";
import { openDirectoryHost } from "./directory-host/directory-host.ts";
import type { Environment } from "./environment.ts";
import { withAiKeyMappings } from "./files/ai-key-mappings.ts";
import { makePrivateDirectory } from "./files/atomic-write.ts";
import { requireOwnStore } from "./files/own-store.ts";
import type { StoreFinding } from "./files/private-file.ts";
import { createPrivateFs } from "./files/private-fs.ts";
import type { ChangeMode } from "./files/store-check.ts";
import { createStoreReadiness } from "./files/store-readiness.ts";
import { createInstance } from "./instance.ts";
import { machineTime } from "./machine-time.ts";
import { withMovableClaims, withMovableRecords } from "./movable-stores.ts";
import type { NodeSettings } from "./node-settings.ts";
import { createOutgoingFetch, outgoingProxies } from "./outgoing-proxies.ts";
import type { RedisStores } from "./redis/redis.ts";
import { openSealKeys } from "./seal-key.ts";
import { openSqliteLedger } from "./sqlite/sqlite-ledger.ts";
import { startFault } from "./start-fault.ts";
import { createNodeWebhooks } from "./webhooks/node-webhooks.ts";

export interface NodePorts {
  ports: Ports;
  /** What is wrong with the files, if anything. */
  checkStore(): Promise<StoreFinding[]>;
  /** Where Redis holds the records. */
  redis?: Pick<RedisStores, "fault" | "eviction">;
  /** Waits for what runs in the background, then closes the stores. */
  close(): Promise<void>;
}

export interface OpenNodeOptions {
  env: Environment;
  log: Log;
  /** In place of the configured host (the gateway's own, inside a plugin). */
  host?: AgentHost | undefined;
  /** Stdout, where the audit trail may go as well; absent where it belongs to a person. */
  writeOut?: ((line: string) => void) | undefined;
  /** In place of the stored ones, which are then neither read nor made. */
  sealKeys?: Ports["sealKeys"] | undefined;
  /** In place of the file system's own, which may keep no modes. */
  chmod?: ChangeMode | undefined;
}

/**
 * The ports on Node: files, or Redis where `OPENCLAW_PROVISIONING_STORAGE` names one.
 *
 * @throws SettingsError, Problem: what keeps the stores from being opened, in words for the operator
 */
export async function openNode(node: NodeSettings, options: OpenNodeOptions): Promise<NodePorts> {
  requireOwnStore(node.stateDir);
  try {
    return await openPorts(node, options);
  } catch (error) {
    throw startFault(error, node.stateDir, options.chmod);
  }
}

async function openPorts(node: NodeSettings, options: OpenNodeOptions): Promise<NodePorts> {
  const { stateDir } = node;
  const clock: Clock = { now: Date.now };
  await makePrivateDirectory(join(stateDir, "provisioning"));
  const sealKeys = options.sealKeys ?? (await openSealKeys(stateDir, options.env));
  const fetch = createOutgoingFetch(outgoingProxies(), (failure) =>
    options.log("warn", "a call could not be made", failure),
  );
  // Before the stores: settings that it refuses must leave no connection open.
  const host = options.host ?? (await openHost(node, { fetch, clock, log: options.log, sealKeys }));
  const stores =
    node.storage === undefined
      ? await openFiles(node, clock, options)
      : await openShared(node, node.storage, clock, options.log, sealKeys);
  const isHere = host.kind === "directory" || host.kind === "openclaw";
  const realStateDir = realpathSync.native(stateDir);
  const presentIn = node.storage === undefined ? join(stateDir, "provisioning", "instances") : undefined;
  const own = createInstance(undefined, presentIn);
  const presence = "presence" in stores ? stores.presence(own.id) : undefined;
  const instance = presence ? { ...own, isLost: presence.isLost } : own;
  const running = new Set<Promise<unknown>>();
  // Read at each attempt: a reload may change it.
  const webhooks = createNodeWebhooks({ allow: () => node.settings.provisioning.webhooks.allow });
  const ports: Ports = {
    // Elsewhere paths are another machine's, or none.
    records: isHere ? withMovableRecords(stores.records, realStateDir) : stores.records,
    ledger: isHere ? withMovableClaims(stores.ledger, realStateDir) : stores.ledger,
    audit: stores.audit,
    host,
    outbox: stores.outbox,
    webhooks,
    clock,
    crypto: {
      sha256: (text) => hash("sha256", text, "hex"),
      randomBytes: (length) => new Uint8Array(randomBytes(length)),
    },
    fetch,
    log: options.log,
    instance,
    sealKeys,
    background(work) {
      running.add(work);
      // The work reports its own failures; here it is only waited for.
      work.catch(() => undefined).finally(() => running.delete(work));
    },
  };
  return {
    ports,
    checkStore: stores.checkStore,
    ...("redis" in stores && { redis: stores.redis }),
    async close() {
      while (running.size > 0) await Promise.allSettled(running);
      const leavesWork = presentIn !== undefined && (await leavesClaims(stores.ledger, instance.id));
      await presence?.close();
      await webhooks.close();
      await stores.close();
      instance.close(leavesWork);
    },
  };
}

async function leavesClaims(ledger: Ledger, id: string): Promise<boolean> {
  const isOurs = (owner: string): boolean => owner.startsWith(`${id}.`);
  // A store that is gone leaves nothing that could be settled.
  const left = await ledger.abandoned(isOurs).catch(() => []);
  return left.some(({ owner }) => isOurs(owner));
}

async function openFiles({ stateDir, settings }: NodeSettings, clock: Clock, { log, writeOut }: OpenNodeOptions) {
  const { rotateBytes, mode, sink } = settings.provisioning.audit;
  const auditMode = Number.parseInt(mode, 8);
  const files = createPrivateFs({ stateDir, now: clock.now, auditMode });
  const storage = createStorage({ driver: files.driver });
  const records = withAiKeyMappings(createRecords(storage, files.page, files.replace), stateDir, clock, (cause) =>
    log("error", "ai-key-mappings.json could not be rewritten", { cause }),
  );
  const ledger = await openSqliteLedger({
    path: join(stateDir, "provisioning", "ledger.sqlite"),
    clock,
    machineTime: machineTime(),
  });
  const auditSink = createAuditSink(sink, { log, writeOut });
  const audit = createAuditFile({ stateDir, clock, log, mode: auditMode, rotateBytes, sink: auditSink?.write });
  const readiness = createStoreReadiness(files.check);
  return {
    records: {
      ...records,
      async check() {
        await Promise.all([records.check?.(), readiness()]);
      },
    },
    ledger,
    outbox: ledger.outbox,
    audit,
    checkStore: files.check,
    async close() {
      await records.close();
      await audit.close();
      await auditSink?.close();
      await ledger.close();
      await storage.dispose();
    },
  };
}

async function openShared(
  { settings }: NodeSettings,
  url: string,
  clock: Clock,
  log: Log,
  sealKeys: Ports["sealKeys"],
) {
  if (settings.provisioning.audit.sink !== undefined) {
    throw new SettingsError("gateway.provisioning.audit.sink goes with the trail in files, not in Redis; leave it out");
  }
  const [{ openRedis }, { createSharedPresence }, { requireSharedSealKey }] = await Promise.all([
    import("./redis/redis.ts"),
    import("./redis/shared-presence.ts"),
    import("./redis/shared-seal-key.ts"),
  ]);
  const redis = await openRedis({ url, clock, log });
  const { records, outbox, audit, close } = redis;
  const ledger: Ledger = {
    ...redis.ledger,
    async check() {
      await redis.ledger.check();
      await requireSharedSealKey(redis.ledger, sealKeys);
    },
  };
  try {
    await requireSharedSealKey(redis.ledger, sealKeys);
  } catch (error) {
    // Redis may be away at the start; readiness asks again.
    if (error instanceof SettingsError) {
      await close();
      throw error;
    }
  }
  const presence = (id: string) => createSharedPresence(ledger, id);
  return { records, ledger, outbox, audit, checkStore: async () => [], close, redis, presence };
}

async function openHost(
  { settings, stateDir, agents }: NodeSettings,
  tools: { fetch: Ports["fetch"]; clock: Clock; log: Log; sealKeys: Ports["sealKeys"] },
): Promise<AgentHost> {
  const { host, workspaceRoots } = settings.provisioning;
  switch (host.kind) {
    case "registry":
      return createRegistryHost();
    case "remote":
      return createRemoteHost({
        ...tools,
        gateways: [
          ...(await openGateways(tools, host.gateways)),
          ...(agents ? [{ id: "agents", url: agents.url, token: linkToken(agents, tools.sealKeys()[0]!) }] : []),
        ],
        timeoutMs: host.timeoutMs,
      });
    case "openclaw": {
      const { openOpenClawHost } = await import("../openclaw/open-openclaw-host.ts");
      return await openOpenClawHost({ stateDir, settings, log: tools.log });
    }
    default:
      return openDirectoryHost({ stateDir, workspaceRoots, clock: tools.clock });
  }
}
