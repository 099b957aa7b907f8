import type { Collection, RecordOf } from "../../src/storage/keyspace.ts";

const createdAt = "2026-11-22T18:00:00.000Z";

/** A whole record of each collection, optional fields included. */
export const sampleRecords: { [C in Collection]: (id: string) => RecordOf<C> } = {
  keys: (id) => ({
    id,
    name: `key ${id}, "quoted" — ключ 🔑`,
    scopes: ["agents:create", "agents:onboard"],
    aiProviderKeyId: "provider1",
    maxAgents: 5,
    expiresAt: "2027-11-22T18:00:00.000Z",
    createdAt,
    state: { version: 2, digest: "0".repeat(64), previous: [{ digest: "1".repeat(64), until: createdAt }] },
  }),
  "ai-providers": (id) => ({
    id,
    provider: "anthropic",
    kind: "anthropic",
    name: "123",
    sealedKey: "not.really.sealed",
    hint: "sk-...test",
    defaultQuotas: { maxTokensPerMonth: 1000 },
    createdAt,
  }),
  agents: (id) => ({
    agentId: id.toLowerCase(),
    name: `Agent ${id}`,
    bindings: ["telegram:*"],
    identity: { emoji: "🦞" },
    credentials: ["anthropic"],
    suspended: false,
    operationId: `operation-${id}`,
    createdAt,
    updatedAt: createdAt,
  }),
  "ai-keys": (id) => ({
    keyId: id,
    agentId: `agent-${id.toLowerCase()}`,
    provider: "anthropic",
    mode: "virtual",
    aiProviderId: "provider1",
    createdAt,
    state: { version: 1, status: "active", digest: "2".repeat(64), quotas: { maxRequestsPerDay: 10 } },
  }),
  revocations: (id) => ({
    id,
    aiProviderId: "provider1",
    remoteId: "remote-1",
    agentId: "agent-1",
    attempts: 3,
    lastError: "the provider could not be reached",
    createdAt,
  }),
  webhooks: (id) => ({
    id,
    url: "https://hooks.example.org/alerts?key=value",
    events: ["quota.*"],
    format: "standard",
    source: "api",
    sealedSecret: "header..iv.text.tag",
    previous: { sealedSecret: "header..iv.other.tag", until: "2026-12-22T18:00:00.000Z" },
    createdAt,
  }),
};
