/** The only place where ledger names are spelled. The part before the first `/` is the shard. */
import { type QuotaCounter, quotaCounters } from "../domain/quota-rules.ts";
import type { LedgerName } from "../ports.ts";

/** Total: what a note or a record holds must be found and freed, though it should never have been let in. */
const enc = (text: string): string => encodeURIComponent(text.toWellFormed());

/** Everything exact about one provisioning key. */
export const keyLedger = (keyId: string) => {
  const shard = `key:${enc(keyId)}` as const;
  return {
    state: `${shard}/state` as LedgerName,
    rate: `${shard}/rate` as LedgerName,
    /** Held by whoever changes the key. */
    claim: `${shard}/claim` as LedgerName,
    agents: `${shard}/agents` as LedgerName,
    agentReservation: (operationId: string) => `${shard}/op:${enc(operationId)}` as LedgerName,
    idempotency: (key: string) => `${shard}/idempotency:${enc(key)}` as LedgerName,
  };
};

/** Everything exact about one console session, or about the code of one link. */
export const consoleLedger = (prefix: "ocs" | "occ", id: string) => {
  const shard = `console-${prefix}:${enc(id)}` as const;
  return { state: `${shard}/state` as LedgerName, rate: `${shard}/rate` as LedgerName };
};
/** The ids of the console sessions that may be open. */
export const consoleSessions: LedgerName = "console-sessions/ids";
/** Those of one caller. */
export const consoleSessionsOf = (actor: string): LedgerName => `console-sessions/of:${enc(actor)}`;

const aiKeyNames = (keyId: string) => {
  const shard = `ai-key:${enc(keyId)}` as const;
  const counters = Object.fromEntries(quotaCounters.map((counter) => [counter, `${shard}/${counter}`])) as Record<
    QuotaCounter,
    LedgerName
  >;
  return {
    all: `${shard}/` as LedgerName,
    state: `${shard}/state` as LedgerName,
    ...counters,
    /** Calls that cost no tokens. */
    free: `${shard}/free` as LedgerName,
    usage: `${shard}/usage` as LedgerName,
    reservation: (id: string) => `${shard}/reservation:${enc(id)}` as LedgerName,
    /** Use that a former key brings along, which is in that one's usage. */
    carried: (formerKeyId: string) => `${shard}/reservation:carried-${enc(formerKeyId)}` as LedgerName,
  };
};
export const isCarried = (reservation: LedgerName): boolean => reservation.includes("/reservation:carried-");

/** Each metered request asks for its key's names several times. */
const keptAiKeys = new Map<string, ReturnType<typeof aiKeyNames>>();
const maxKeptAiKeys = 4_096;

/** Everything exact about one AI key. */
export function aiKeyLedger(keyId: string): ReturnType<typeof aiKeyNames> {
  let names = keptAiKeys.get(keyId);
  if (names === undefined) {
    names = aiKeyNames(keyId);
    if (keptAiKeys.size >= maxKeptAiKeys) keptAiKeys.clear();
    keptAiKeys.set(keyId, names);
  }
  return names;
}

/** The AI key whose name it is, and what of it. */
export function aiKeyOfName(name: string): { keyId: string; part: string } | undefined {
  const [, keyId, part] = /^ai-key:([^/]*)\/(.*)$/.exec(name) ?? [];
  return keyId === undefined || part === undefined ? undefined : { keyId: decodeURIComponent(keyId), part };
}
export const aiKeyPrefix = "ai-key:";

/** Whether it counts micro-dollars. */
export const isUsdCounter = (name: string): boolean => name.endsWith("/usd");

/** The instance that made a metered reservation, by its id `<instance>.<run>-<number>`. */
export const reservationOwner = (id: LedgerName): string | undefined => /\/reservation:([A-Za-z0-9-]+)\./.exec(id)?.[1];

/** There while an instance lives that shares no machine with those who ask. */
export const instanceAlive = (id: string): LedgerName => `instance:${enc(id)}/alive`;

/** Held by whoever changes the AI provider. */
export const aiProviderClaim = (id: string): LedgerName => `ai-provider:${enc(id)}/claim`;
/** The lease of a provider's name, so that two are not added under one. */
export const aiProviderNameClaim = (name: string): LedgerName => `ai-provider-name:${enc(name)}/claim`;

/** An AI provider's record as it was changed last: records may lag. */
export const aiProviderRecent = (id: string): LedgerName => `ai-provider:${enc(id)}/recent`;

/** Calls to an AI provider that failed, in a sliding window. */
export const aiProviderFailures = (id: string): LedgerName => `ai-provider:${enc(id)}/failures`;
/** JSON of the last failed call: its code and its time. */
export const aiProviderLastFailure = (id: string): LedgerName => `ai-provider:${enc(id)}/last-failure`;
/** There while it fails. */
export const aiProviderIncident = (id: string): LedgerName => `ai-provider:${enc(id)}/incident`;
/** There while it does not answer. */
export const gatewayIncident = (id: string): LedgerName => `gateway:${enc(id)}/incident`;
/** When a gateway was first found silent. */
export const gatewayMissed = (id: string): LedgerName => `gateway:${enc(id)}/missed`;
/** The gateways that have an incident open, and when each was found silent last, as JSON: incidents cannot be listed. */
export const gatewaysMissed: LedgerName = "gateways/missed";

/**
 * Everything exact about the agents of one gateway, or of the deployment's own host: a place for each that this service
 * made, and whether it takes new ones.
 */
export const gatewayPlaces = (gateway: string | undefined) => {
  const shard = gateway === undefined ? "host" : (`gateway:${enc(gateway)}` as const);
  return {
    agents: `${shard}/agents` as LedgerName,
    place: (creation: string) => `${shard}/place:${enc(creation)}` as LedgerName,
    cordoned: `${shard}/cordoned` as LedgerName,
  };
};
/** The id by which this deployment's own host is told from others. */
export const ownGatewayId: LedgerName = "host/id";
/** How far agents of an earlier release have been given their places. */
export const placesGiven: LedgerName = "host/places-given";

/** Left by an operation that had lost the agent's lease: see `recoverOperation`. */
export const agentOperation = (agentId: string, operationId: string): LedgerName =>
  `agent:${enc(agentId)}/operation:${enc(operationId)}`;
/** Whether a creation that broke off counts as done or is undone: decided once. */
export const creationFate = (agentId: string, operationId: string): LedgerName =>
  `agent:${enc(agentId)}/fate:${enc(operationId)}`;
/** How a creation that was not waited for stands. */
export const operationState = (operationId: string): LedgerName => `operation:${enc(operationId)}/state`;
/** The ids of all AI keys that were ever issued to an agent of this id, and not yet taken back. */
export const issuedKeys = (agentId: string): LedgerName => `agent:${enc(agentId)}/ai-keys`;
/** The lease of changes to an agent; its note is the operation record. */
export const agentClaim = (agentId: string): LedgerName => `agent:${enc(agentId)}/claim`;
/** An agent's record as it was written last, where records lag. */
export const recentAgent = (agentId: string): LedgerName => `agent:${enc(agentId)}/recent`;
/** The same of a webhook's. */
export const recentWebhook = (id: string): LedgerName => `webhook:${enc(id)}/recent`;
/** The ownership of a binding, by gateway: each has channels of its own. */
export const bindingClaim = (gateway: string | undefined, binding: string): LedgerName =>
  `binding:${enc(gateway ?? "")}:${enc(binding)}/owner`;
/** The ownership of a workspace, by its path. */
export const workspaceClaim = (path: string): LedgerName => `workspace::${enc(path)}/owner`;
/** The path, where it is such a claim. */
export function workspaceOfClaim(name: LedgerName): string | undefined {
  const path = /^workspace::([^/]*)\/owner$/.exec(name)?.[1];
  return path === undefined ? undefined : decodeURIComponent(path);
}
/** The window of failed authentications of one subscriber's addresses. */
export const addressFailures = (address: string): LedgerName => `address:${enc(subscriber(address))}/failures`;
/** The failures of addresses beyond those that are counted each by itself. */
export const otherFailures: LedgerName = "address:*/failures";
/** Such a bucket leaves nothing once its window has passed: strangers choose which addresses there are, and sessions end. */
export const passingPrefixes = ["address:", "console-ocs:"] as const;

/** The holder of one IPv6 address has the other 2^64 of its network too. */
export function subscriber(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const rest = tail?.split(":").filter((group) => group !== "") ?? [];
  const zeros = Array<string>(Math.max(0, 8 - groups.length - rest.length)).fill("0");
  const network = [...groups, ...(tail === undefined ? [] : zeros), ...rest].slice(0, 4);
  return `${network.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
/** Each has the agents of a part of the ids. */
export const agentIndexBuckets = 64;
/** One of the 64 parts of the index of agents. */
export const agentIndexBucket = (at: number): LedgerName => `agent-index/bucket:${at}`;
/** Another text after every change of a bucket. */
export const agentIndexVersion: LedgerName = "agent-index/version";
/** How far the index is known to agree with the records. */
export const agentIndexState: LedgerName = "agent-index/state";
/** The prices that were stated over the API, as JSON. */
export const statedPrices: LedgerName = "prices/stated";
/** Owned, for good, by the id of the seal key that all instances of a deployment share. */
export const sealKeyOwner: LedgerName = "seal/owner";
/** The form of what is stored, where no file says it. */
export const storesForm: LedgerName = "stores/form";
/** One process at a time settles the remains of dead processes. */
export const recoveryClaim: LedgerName = "recovery/claim";
