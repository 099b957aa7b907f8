import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { createRegistryHost } from "../../src/host/registry-host.ts";
import { createRemoteHost } from "../../src/host/remote-host.ts";
import type { ActivityLog, AgentHost, Clock, Ledger, Log } from "../../src/ports.ts";
import { openGateways } from "../../src/service/secrets/config-secret.ts";
import type { Ports } from "../../src/storage/keyspace.ts";
import { agentsGateway } from "./agents-link.ts";
import { createBackgroundWork } from "./background-work.ts";
import { openDirectoryHost } from "./directory-host/directory-host.ts";
import type { Environment } from "./environment.ts";
import { makePrivateDirectory } from "./files/atomic-write.ts";
import { requireOwnStore } from "./files/own-store.ts";
import type { ChangeMode } from "./files/store-check.ts";
import { createInstance } from "./instance.ts";
import { withMovableClaims, withMovableRecords } from "./movable-stores.ts";
import type { NodeSettings } from "./node-settings.ts";
import { createOutgoingFetch, outgoingProxies } from "./outgoing-proxies.ts";
import { resolveName } from "./resolve-name.ts";
import { openSealKeys, type SealKeys } from "./seal-key.ts";
import { sha256 } from "./sha256.ts";
import { startFault } from "./start-fault.ts";
import { openFileStores } from "./stores/file-stores.ts";
import { storeKindOf } from "./stores/store-kinds.ts";
import type { Stores, StoresOptions } from "./stores/stores.ts";
import { createNodeWebhooks } from "./webhooks/node-webhooks.ts";

/** The ports of a Node process, and the end of them. */
export interface NodePorts {
  ports: Ports;
  stores: Pick<Stores, "checks" | "findings" | "warning">;
  /** Present where the environment gives them. */
  rereadSealKeys?: SealKeys["reread"];
  /** Waits for what runs in the background, then closes the stores. */
  close(): Promise<void>;
}

/** Parts that the caller has already, in place of those that would be opened. */
export interface OpenNodeOptions {
  env: Environment;
  log: Log;
  /** Replaces the configured host: the gateway's own, inside a plugin. */
  host?: AgentHost | undefined;
  /** Stdout, where the audit trail may go as well; absent where it belongs to a person. */
  writeOut?: ((line: string) => void) | undefined;
  /** Replace the stored ones, which are then neither read nor made. */
  sealKeys?: Ports["sealKeys"] | undefined;
  /** Replaces one of this process alone, where the store has none that is shared. */
  activity?: ActivityLog | undefined;
  /** Replaces the file system's own, which may keep no modes. */
  chmod?: ChangeMode | undefined;
}

/**
 * The ports on Node: files, or the store that `OPENCLAW_PROVISIONING_STORAGE` names.
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
  const sealKeys: SealKeys = options.sealKeys ?? (await openSealKeys(stateDir, options.env));
  const fetch = createOutgoingFetch(outgoingProxies(), (failure) =>
    options.log("warn", "a call could not be made", failure),
  );
  // Before the stores: settings that it refuses must leave no connection open.
  const host = options.host ?? (await openHost(node, { fetch, clock, log: options.log, sealKeys }));
  const stores = await openStores(node.storage, {
    stateDir,
    settings: node.settings,
    clock,
    sealKeys,
    log: options.log,
    writeOut: options.writeOut,
    activity: options.activity,
  });
  const isHere = host.kind === "directory" || host.kind === "openclaw";
  const realStateDir = realpathSync.native(stateDir);
  const { presentIn } = stores;
  const own = createInstance(undefined, presentIn);
  const presence = stores.presence?.(own.id);
  const instance = presence ? { ...own, isLost: presence.isLost } : own;
  const background = createBackgroundWork();
  const ending = new AbortController();
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
    activity: stores.activity,
    clock,
    crypto: {
      sha256,
      randomBytes: (length) => new Uint8Array(randomBytes(length)),
    },
    fetch,
    log: options.log,
    instance,
    sealKeys,
    background: background.add,
    ending: ending.signal,
  };
  return {
    ports,
    ...(sealKeys.reread && { rereadSealKeys: sealKeys.reread }),
    stores,
    async close() {
      ending.abort(new Error("the process ends"));
      await background.ended();
      const leavesWork = presentIn !== undefined && (await leavesClaims(stores.ledger, instance.id));
      await presence?.close();
      await webhooks.close();
      await stores.close();
      instance.close(leavesWork);
    },
  };
}

function openStores(url: string | undefined, options: StoresOptions): Promise<Stores> {
  const kind = url === undefined ? undefined : storeKindOf(url);
  return kind && url !== undefined ? kind.open(url, options) : openFileStores(options);
}

async function leavesClaims(ledger: Ledger, id: string): Promise<boolean> {
  const isOurs = (owner: string): boolean => owner.startsWith(`${id}.`);
  // A store that is gone leaves nothing that could be settled.
  const left = await ledger.abandoned(isOurs).catch(() => []);
  return left.some(({ owner }) => isOurs(owner));
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
          ...(agents ? [agentsGateway(agents, tools.sealKeys()[0]!, host.maxAgents)] : []),
        ],
        timeoutMs: host.timeoutMs,
        resolve: resolveName,
      });
    case "openclaw": {
      const { openOpenClawHost } = await import("../openclaw/open-openclaw-host.ts");
      return await openOpenClawHost({ stateDir, settings, log: tools.log });
    }
    default:
      return openDirectoryHost({ stateDir, workspaceRoots, clock: tools.clock });
  }
}
