import { hash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toNodeHandler } from "srvx/node";
import { servePlain } from "../adapters/node/proxy/plain-server.ts";
import { createProxyServer } from "../adapters/node/proxy/proxy-server.ts";
import { openSqliteLedger } from "../adapters/node/sqlite/sqlite-ledger.ts";
import type { ProviderKind } from "../src/domain/provider-facts.ts";
import { proxyBasePath } from "../src/domain/proxy-path.ts";
import { periodOf, quotaState } from "../src/domain/quota.ts";
import { quotaRules } from "../src/domain/quota-rules.ts";
import { issueToken, newKeyId } from "../src/domain/token.ts";
import type { Ledger } from "../src/ports.ts";
import { createProxy } from "../src/proxy/web-proxy.ts";
import type { AiKeyRecord, AiKeyState } from "../src/schema/ai-key.ts";
import type { AiProviderRecord } from "../src/schema/ai-provider.ts";
import type { QuotaName, QuotaState, Quotas } from "../src/schema/quota.ts";
import type { Context } from "../src/service/context.ts";
import { createActivityLog } from "../src/service/events/activity.ts";
import { seal } from "../src/service/secrets/vault.ts";
import { parseSettings } from "../src/settings.ts";
import type { Records } from "../src/storage/keyspace.ts";
import { aiKeyLedger } from "../src/storage/ledger-names.ts";
import { bareContext } from "./bare-context.ts";
import { onProxyPath } from "./proxy-path.ts";

export const masterKey = "sk-master-not-a-real-key";

export interface StandOptions {
  kind?: ProviderKind;
  slug?: string;
  /** Without the path that the provider's base URL carries. */
  upstream: string;
  quotas?: Quotas;
  defaultQuotas?: Quotas;
  models?: string[];
  /** `gateway.provisioning` as in `config.json`. */
  settings?: Record<string, unknown>;
  now?: () => number;
  /** In place of a ledger of its own. */
  ledgerPath?: string;
  wrapLedger?: (ledger: Ledger) => Ledger;
  /** For how long what runs in the background may. Default: for ever. */
  backgroundMs?: number;
  /** Aborted when the process is to end. */
  ending?: AbortSignal;
  /** In place of the runtime's own, for the transport that uses it. */
  fetch?: typeof fetch;
}

export interface IssuedKey {
  keyId: string;
  key: string;
  /** The base URL that the agent's SDK takes. */
  baseUrl: string;
}

export type Transport = "node" | "fetch";

export type ProxyStand = Awaited<ReturnType<typeof proxyStand>>;

const basePaths: Record<ProviderKind, string> = {
  anthropic: "",
  gemini: "",
  openai: "/v1",
  openrouter: "/api/v1",
  litellm: "/v1",
  custom: "/v1",
};

const noRead = (): never => {
  throw new Error("the proxy has no business here");
};

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let emptyLedger: Promise<Buffer> | undefined;

/** The file of a ledger without an entry, whose making takes longer than most tests of the proxy. */
async function makeLedger(path: string): Promise<Buffer> {
  await (await openSqliteLedger({ path, clock: Date })).close();
  return readFileSync(path);
}

/** The proxy with a ledger on disk, records in memory and one AI key, served over HTTP and as a fetch handler. */
export async function proxyStand(options: StandOptions) {
  const { kind = "openai", slug = kind } = options;
  const directory = mkdtempSync(join(tmpdir(), "proxy-stand-"));
  const clock = { now: options.now ?? Date.now };
  const path = options.ledgerPath ?? join(directory, "ledger.sqlite");
  if (options.ledgerPath === undefined) {
    emptyLedger ??= makeLedger(join(directory, "empty.sqlite"));
    writeFileSync(path, await emptyLedger, { mode: 0o600 });
  }
  const opened = await openSqliteLedger({ path, clock });
  const ledger = options.wrapLedger?.(opened) ?? opened;
  const stored = { "ai-keys": new Map<string, AiKeyRecord>(), "ai-providers": new Map<string, AiProviderRecord>() };
  const records = {
    get: async (collection: keyof typeof stored, id: string) => stored[collection].get(id),
    set: noRead,
    remove: noRead,
    list: noRead,
  } as unknown as Records;
  const logs: { level: string; message: string; fields?: unknown }[] = [];
  const running = new Set<Promise<unknown>>();
  const parsed = parseSettings({ gateway: { provisioning: onProxyPath(options.settings) } }, "test");
  const crypto: Context["crypto"] = {
    sha256: (text) => hash("sha256", text, "hex"),
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
  };
  const settings: Context["settings"] = {
    provisioning: { ...parsed.provisioning, publicUrl: "http://127.0.0.1:0" },
    logLevel: "info",
    gatewayTokens: ["gateway-token-not-real"],
    adminTokens: [],
  };
  const context = bareContext({
    records,
    ledger,
    audit: new Proxy({}, { get: noRead }) as Context["audit"],
    host: new Proxy({}, { get: noRead }) as Context["host"],
    outbox: opened.outbox,
    activity: createActivityLog(clock.now),
    webhooks: new Proxy({}, { get: noRead }) as Context["webhooks"],
    clock,
    crypto,
    fetch: (input, init) => (options.fetch ?? fetch)(input, init),
    log: (level, message, fields) => void logs.push({ level, message, fields }),
    instance: { id: "test", isGone: () => false },
    sealKeys: () => [new Uint8Array(32).fill(7)],
    background(work) {
      running.add(work);
      void work.finally(() => running.delete(work));
    },
    backgroundMs: options.backgroundMs,
    ending: options.ending,
    settings,
  });

  const createdAt = "2026-11-01T00:00:00.000Z";
  async function addProvider(given: Partial<AiProviderRecord> & { key?: string } = {}): Promise<AiProviderRecord> {
    const { key = masterKey, ...record } = given;
    const id = record.id ?? `prov_${stored["ai-providers"].size}`;
    const providerKind = record.kind ?? kind;
    const provider = record.provider ?? slug;
    const full: AiProviderRecord = {
      provider,
      kind: providerKind,
      name: "Test",
      baseUrl: options.upstream + basePaths[providerKind],
      sealedKey: await seal(context, key, { provider, id }),
      hint: "sk-...",
      createdAt,
      ...record,
      id,
    };
    stored["ai-providers"].set(id, full);
    return full;
  }

  async function addKey(provider: AiProviderRecord, state: Partial<AiKeyState> = {}): Promise<IssuedKey> {
    const keyId = newKeyId(context.crypto.randomBytes);
    const key = issueToken("ocv", keyId, context.crypto.randomBytes);
    const full: AiKeyState = {
      version: 1,
      status: "active",
      digest: await context.crypto.sha256(key),
      quotas: {},
      ...state,
    };
    const record = { keyId, agentId: "agent-a", provider: provider.provider, mode: "virtual" as const };
    stored["ai-keys"].set(keyId, { ...record, aiProviderId: provider.id, createdAt, state: full });
    await ledger.put(aiKeyLedger(keyId).state, JSON.stringify(full));
    return { keyId, key, baseUrl: origin + proxyBasePath(provider.kind, provider.provider) };
  }

  const proxy = createProxy(context);
  const nodeProxy = createProxyServer(proxy, context);
  const server = createServer((request, response) => nodeProxy.handle(request, response));
  const plain = settings.provisioning.proxy.fastPath
    ? servePlain(server, nodeProxy.handlePlain, () => false)
    : undefined;
  const handleFetch = (request: Request) => proxy.handle(request, { address: "127.0.0.1", requestId: "req_test" });
  const fetchServer = createServer(toNodeHandler(handleFetch) as RequestListener);
  const [origin, fetchOrigin] = [await listen(server), await listen(fetchServer)];

  const provider = await addProvider(options.defaultQuotas ? { defaultQuotas: options.defaultQuotas } : {});
  const issued = await addKey(provider, {
    quotas: options.quotas ?? {},
    ...(options.models && { models: options.models }),
  });

  const idle = async (): Promise<void> => {
    while (running.size > 0) await Promise.allSettled([...running]);
  };

  return {
    ...issued,
    origin,
    /** The fetch handler over HTTP, as a server without a transport of its own has it. */
    fetchOrigin,
    provider,
    context,
    admit: proxy.admit,
    server,
    logs,
    stored,
    addProvider,
    addKey,
    /** Through either transport, with a URL or a path below the origin. */
    fetchBy:
      (transport: Transport) =>
      async (target: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
        const url = target instanceof Request ? target : new URL(String(target), origin);
        const request = new Request(url, { ...(init.body ? { duplex: "half" } : {}), ...init } as RequestInit);
        if (transport === "node") return await fetch(request);
        return await handleFetch(request);
      },
    /** Changes the key's state as the services do: the ledger's text, and the record unless it is to lag. */
    async changeState(change: Partial<AiKeyState>, { keyId = issued.keyId, recordLags = false } = {}): Promise<void> {
      const record = stored["ai-keys"].get(keyId)!;
      const state = { ...record.state, ...change, version: record.state.version + 1 };
      await ledger.put(aiKeyLedger(keyId).state, JSON.stringify(state));
      if (!recordLags) stored["ai-keys"].set(keyId, { ...record, state });
    },
    idle,
    /** After everything under way was settled. */
    async quota(name: QuotaName, limit = 0, keyId = issued.keyId): Promise<QuotaState> {
      await idle();
      const { counter, span } = quotaRules[name];
      const now = clock.now();
      return quotaState(name, limit, await ledger.used(aiKeyLedger(keyId)[counter], periodOf(span, now)), now);
    },
    async close(): Promise<void> {
      plain?.closeAll();
      for (const one of [server, fetchServer]) {
        one.closeAllConnections();
        await new Promise((resolve) => one.close(resolve));
      }
      await nodeProxy.close();
      await idle();
      await opened.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
