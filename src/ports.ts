/**
 * All that the core knows of the world. Each port has one conformance suite under `test/conformance`,
 * which every implementation passes.
 */

import type { AuditEvent, AuditFilter, AuditRecord } from "./domain/audit-event.ts";
import type { Confinement } from "./domain/confinement.ts";
import type { Identity } from "./domain/identity.ts";

/**
 * Documents that are read far more than written; the last write wins.
 * @template Types what each collection holds, by the collection's name
 */
export interface RecordStore<Types extends object> {
  /**
   * Resolves to `undefined` where there is none; rejects with `store_unreadable` where it does not parse.
   * @param maxAgeMs what was read so long ago will do, if this process has not changed it since
   */
  get<C extends keyof Types>(collection: C, id: string, maxAgeMs?: number): Promise<Types[C] | undefined>;
  /** Durable when it resolves. */
  set<C extends keyof Types>(collection: C, id: string, value: Types[C]): Promise<void>;
  /** Resolves when there is nothing of that id, whether or not there was. */
  remove(collection: keyof Types, id: string): Promise<void>;
  /**
   * Sets a record, or removes it (`undefined`), where the one that is there is `expected` still: no other process
   * comes between the look and the change. Resolves to whether it did.
   */
  replace<C extends keyof Types>(
    collection: C,
    id: string,
    expected: (current: Types[C] | undefined) => boolean,
    next: Types[C] | undefined,
  ): Promise<boolean>;
  /** In ascending order of id, after `cursor` (an id, exclusive). With a `nextCursor` it goes on, though it be empty. */
  list<C extends keyof Types>(
    collection: C,
    page?: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<{ items: Types[C][]; nextCursor?: string }>;
  /** Rejects with `store_unreadable` where the store cannot be read, or is damaged as far as can be seen cheaply. */
  check?(): Promise<void>;
}

/**
 * Ledger names are spelled by `storage/ledger-names.ts` alone and read `<shard>/<rest>`. One call touches
 * one shard, so that an implementation may keep each shard in an object of its own.
 */
export type LedgerName = `${string}/${string}`;

export interface RateRule {
  limit: number;
  windowMs: number;
}

export interface RateDecision {
  allowed: boolean;
  remaining: number;
  /** Epoch milliseconds at which one more call (or, if allowed, a full window) becomes available. */
  resetAt: number;
}

export interface CounterReservation {
  counter: LedgerName;
  /** A calendar period in UTC (`2026-11`, `2026-11-22`, `2026-11-22T17:05`), or `all`. */
  period: string;
  /** `null` counts without a limit. */
  limit: number | null;
  amount: number;
  /**
   * Percents of the limit. The charge that passes one puts an alert into the outbox, in the same transaction, once a
   * period and limit.
   */
  alertAt?: readonly number[] | undefined;
}

export interface CounterState {
  used: number;
  reserved: number;
}

export interface Exceeded extends CounterState {
  counter: LedgerName;
  period: string;
  limit: number;
  amount: number;
}

export type Reserved =
  | { outcome: "reserved" }
  /** `exceeded` is the first entry, in the order asked, that does not fit. Nothing was reserved. */
  | { outcome: "exceeded"; exceeded: Exceeded }
  /** The stored text of `expect.name` is another than the caller believes. Nothing was reserved. */
  | { outcome: "changed"; text: string };

/** Use that adds up. */
export interface UsageSums {
  requests: number;
  /** The input tokens, those read from a cache or written to one included. */
  inputTokens: number;
  /** A part of `inputTokens`. */
  cacheReadTokens: number;
  /** A part of `inputTokens`. */
  cacheWriteTokens: number;
  outputTokens: number;
  tokens: number;
  /** Searches that the provider's own tool made. */
  webSearches: number;
  /** At the prices of the time. */
  microUsd: number;
  /** The requests among `requests` whose price was not known. */
  unpricedRequests: number;
}

export interface CounterAmount {
  counter: LedgerName;
  amount: number;
}

/** One model's use on one day, added to what is there. */
export interface UsageEntry extends UsageSums {
  name: LedgerName;
  day: string;
  model: string;
  /**
   * The parts of `tokens` and of `microUsd` that the provider has not confirmed, and the counters of the reservation.
   */
  estimate?: { tokens: CounterAmount; microUsd?: CounterAmount | undefined } | undefined;
}

export interface UsageRow extends UsageSums {
  day: string;
  model: string;
  /** The part of `tokens` that the provider has not confirmed. */
  estimatedTokens: number;
}

export type UsageGrouping = "name" | "model" | "day";
export type UsageOrder = "key" | "tokens" | "microUsd" | "requests";

export interface UsageGroup extends UsageSums {
  /** The name, model or day. */
  key: string;
  estimatedTokens: number;
}

export interface UsageQuery {
  /** The names' prefix: `ai-key:`. */
  prefix: string;
  /** Both days inclusive. */
  from: string;
  to: string;
  by: UsageGrouping;
  /** A model that is left out. */
  except?: string | undefined;
  /** By `key` ascending, otherwise the most first. */
  orderBy: UsageOrder;
  limit: number;
}

export interface NearLimit extends CounterState {
  counter: LedgerName;
  period: string;
  /** As it was last reserved under. */
  limit: number;
}

export interface Credited {
  tokens: number;
  microUsd: number;
}

export interface Abandoned {
  name: LedgerName;
  owner: string;
  note: string | undefined;
}

export interface RateLimits {
  /** Counts `cost` into a sliding window when it fits; a refusal is not counted. */
  take(bucket: LedgerName, rule: RateRule, cost?: number): Promise<RateDecision>;
  /** How often `take` allowed this bucket, ever, and when last (epoch milliseconds). */
  seen(bucket: LedgerName): Promise<{ count: number; lastAt?: number }>;
}

export interface QuotaCounters {
  /**
   * All entries or none, before the side effect. `id` (itself a name in the same shard) is the caller's.
   * `expect` compares an exact text first: a missing one equals any expectation.
   */
  reserve(
    id: LedgerName,
    entries: CounterReservation[],
    expect?: { name: LedgerName; text: string },
  ): Promise<Reserved>;
  /**
   * Turns a reservation into use: each counter's reserved amount becomes `actual[counter]` (absent: 0; `"reserved"`
   * as a whole: what was reserved). Idempotent: settling an unknown or settled id changes nothing, `usage` included.
   * An unsettled reservation stays charged.
   */
  settle(id: LedgerName, actual: Record<LedgerName, number> | "reserved", usage?: UsageEntry): Promise<void>;
  /**
   * Reservations whose id begins with `prefix` (`ai-key:`), never settled and older than `olderThanMs`: charged as
   * reserved, and forgotten. Others stay for as long as what they hold (an agent's place). Returns how many.
   */
  settleStale(prefix: string, olderThanMs: number): Promise<number>;
  /** Ids of the reservations that begin with `prefix`. Absent where nobody could tell whose owner is gone. */
  unsettled?(prefix: string): Promise<LedgerName[]>;
  used(counter: LedgerName, period: string): Promise<CounterState>;
  /**
   * Counters in these periods whose use and reservations are at least `minShare` (0.5 and above) of the limit that
   * they were last reserved under, the fullest first. `asOf` as in `UsageLog.topUsage`.
   */
  nearLimit(query: {
    minShare: number;
    limit: number;
    periods: readonly string[];
  }): Promise<{ near: NearLimit[]; asOf: number }>;
}

/** Written by `QuotaCounters.settle`, in the same transaction as the charge. */
export interface UsageLog {
  /** Days from `from` to `to` inclusive (`YYYY-MM-DD`), ascending, then by model. */
  usage(name: LedgerName, from: string, to: string): Promise<UsageRow[]>;
  /**
   * Gives back the estimates in the usage of `name` since a time (epoch milliseconds, rounded down to the minute):
   * from the usage, and from the counter in each period that was charged, never below zero. An estimate is given back
   * once, and kept for `estimateMemoryMs`. Returns how much.
   */
  creditEstimates(name: LedgerName, since: number): Promise<Credited>;
  /**
   * Use over all names. By day and by model what was forgotten since is counted too.
   * `asOf`: epoch milliseconds up to which everything is in it.
   */
  topUsage(query: UsageQuery): Promise<{ groups: UsageGroup[]; asOf: number }>;
}

/** Exact short texts, seen by every process at its next read. */
export interface StateTexts {
  get(name: LedgerName): Promise<string | undefined>;
  /** With a `ttlMs` the text is gone after it. */
  put(name: LedgerName, text: string | undefined, ttlMs?: number): Promise<void>;
  /**
   * Puts, or with `undefined` removes, where the text that is there is `expected` still (`undefined`: none), or is
   * `text` already. Resolves to whether it is there now.
   */
  replace(name: LedgerName, expected: string | undefined, text: string | undefined, ttlMs?: number): Promise<boolean>;
}

/** Names that one owner has at a time. */
export interface Leases {
  /**
   * Exclusive until released or, with a `ttlMs`, expired; the same owner may claim again.
   * `note` says what the owner was about to do; `abandoned` is the note of an expired claim just taken over, which
   * keeps it in place of the new one until it is renewed with another: its new owner may die as well.
   */
  claim(
    name: LedgerName,
    claim: { owner: string; ttlMs: number | null; note?: string },
  ): Promise<{ granted: true; abandoned?: string } | { granted: false; owner: string }>;
  /**
   * Renews the claim that `owner` (with `from`: that other one, who loses it) holds, expired or not; its note stays
   * where none is given. Resolves to whether it did: what was released, or taken over, cannot be renewed.
   */
  renew(
    name: LedgerName,
    claim: { owner: string; ttlMs: number | null; note?: string; from?: string },
  ): Promise<boolean>;
  /** The claim's holder, whether the claim is expired or not. */
  holder(name: LedgerName): Promise<string | undefined>;
  /** Frees the claim if `owner` holds it. */
  release(name: LedgerName, owner: string): Promise<void>;
  /** Claims with a TTL that have expired, or whose owner `isGone`: what a crash left. */
  abandoned(isGone: (owner: string) => boolean): Promise<Abandoned[]>;
}

/** The few things that must be exact, whatever the concurrency and however many processes share it. */
export interface Ledger extends RateLimits, QuotaCounters, UsageLog, StateTexts, Leases {
  /** Drops the counters, reservations, usage and texts that begin with this name. */
  forget(prefix: LedgerName): Promise<void>;
  /** Rejects when the ledger cannot be written. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export interface AuditVerdict {
  ok: boolean;
  events: number;
  /** Closed parts of the trail that are not here any more; the chain was followed across them. */
  movedAway?: string[];
  /** The first fault, with the line (1-based) or sequence number at which it stands. */
  fault?: {
    line: number;
    reason: string;
    /** The closed part in which it stands; absent: the trail that is being written. */
    file?: string;
    remedy?: string;
  };
}

export interface AuditVerifyOptions {
  /** An event's number: closed parts that end before it need not be walked, where their end is remembered. */
  since?: number | undefined;
  /** Called with the file and the part of it (0 to 1) that is verified. */
  onProgress?: ((file: string, share: number) => void) | undefined;
}

export interface AuditRotation {
  /** The closed part's name; it never changes again. */
  file: string;
  events: number;
}

export interface AuditTrail {
  /** Durable when it resolves; events are chained in the order in which they resolve. */
  append(event: AuditEvent): Promise<void>;
  /** Newest first. `cursor` is the `seq` before which to continue. */
  read(page: { limit: number; cursor?: number | undefined; filter?: AuditFilter }): Promise<{
    events: AuditRecord[];
    nextCursor?: number;
  }>;
  verify(options?: AuditVerifyOptions): Promise<AuditVerdict>;
  /**
   * Closes what was written so far as a part of its own; the chain goes on. Absent where the trail is no file.
   * @returns `undefined` where nothing was written since the last time
   */
  rotate?(actor: string): Promise<AuditRotation | undefined>;
  /** Rejects when the trail cannot be written. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export interface Credential {
  /** Anthropic, openai, ..., or a custom provider's slug. */
  provider: string;
  apiKey: string;
  /** Where that provider's SDK is to send its requests; absent: the provider's own address. */
  baseUrl?: string | undefined;
  /** The key is one of ours and works through our proxy only. */
  metered: boolean;
}

export interface HostPlan {
  /** The gateway chosen, on a host that has several. */
  gateway?: string;
  /** Absolute, symlinks resolved; absent where the host keeps no workspace. */
  workspace?: string;
  agentDir?: string;
  /** The confinement that the agent will have, on a host that decides it. */
  confinement?: Confinement | undefined;
}

/** An agent may do this where it runs. */
export interface HostHold {
  confinement?: Confinement | undefined;
  /** Tools beyond those of the confinement. */
  tools?: string[] | undefined;
  /** Agents whose sessions it may reach, if they name it too. */
  peers?: string[] | undefined;
}

export interface HostAgent extends HostHold {
  agentId: string;
  /** The creation that made it, where one of ours did: a change to it changes no other's. */
  operationId?: string | undefined;
  /** Whether the change that asks may go on: to be asked at the last moment, where the host can do both at once. */
  isCurrent?: (() => Promise<boolean>) | undefined;
  name: string;
  workspace?: string | undefined;
  agentDir?: string | undefined;
  model?: string | undefined;
  identity?: Identity | undefined;
  bindings: string[];
  gateway?: string | undefined;
}

export interface HostCreate extends HostAgent {
  skipBootstrap: boolean;
  credential?: Credential | undefined;
  /** The same for every retry of one creation. */
  operationId: string;
  /** Its key is held to a quota: a setting of the host that leads around the key is a 409. */
  heldToQuota?: boolean | undefined;
  /** Whether to resolve only once the agent answers (a gateway's reload), or as soon as it is durable. */
  awaitReady: boolean;
}

/** A creation asked this of a host whose answer nobody remembers. */
export type HostAsked = Pick<
  HostCreate,
  "name" | "workspace" | "model" | "identity" | "bindings" | "skipBootstrap" | "heldToQuota" | keyof HostHold
>;

export interface BindResult {
  added: string[];
  updated: string[];
  skipped: string[];
  conflicts: { binding: string; agentId: string }[];
}

export interface HostHealth {
  reachable: boolean;
  workspace: "ok" | "missing" | "unknown";
  agentDir: "ok" | "missing" | "unknown";
  credentials: "ok" | "missing" | "unknown";
  detail?: string;
}

/** Something that leads around an agent's own key or out of its confinement. */
export interface OpenDoor {
  /** The agent whose entry it is; absent: a setting of the host. */
  agentId?: string;
  /** Such as `agents.defaults.compaction.model`. */
  setting: string;
  detail: string;
  remedy: string;
  /** Asks for a look: it costs quota, and leads around nothing. */
  isNotice?: boolean;
}

/** Where agents live. */
export interface AgentHost {
  readonly kind: "directory" | "openclaw" | "remote" | "registry";
  /** Whether a credential can be stored at all. */
  readonly storesCredentials: boolean;
  /**
   * Decides place, paths and confinement without a side effect; what may not be is a 422, a setting that leads around
   * the key of an agent held to a quota a 409. `except`: a gateway that has been tried in vain.
   */
  plan(
    request: HostHold & {
      agentId: string;
      heldToQuota?: boolean | undefined;
      workspace?: string | undefined;
      gateway?: string | undefined;
      except?: string | undefined;
    },
  ): Promise<HostPlan>;
  /**
   * Workspace, agent directory, the credential, then the entry and its bindings. Idempotent for one `operationId`.
   * A binding that another agent of the host has rejects with `binding_taken`, and nothing is changed; a gateway that
   * failed before it did anything, with `GatewayUntouched`.
   */
  create(agent: HostCreate): Promise<{
    workspaceCreated: boolean;
    /** Where only the host knows them: on another machine. */
    workspace?: string;
    agentDir?: string;
    profileId?: string;
    /** Where the host decided it. */
    confinement?: Confinement | undefined;
    bindings: BindResult;
    /** The agent is durable, though not yet answering. */
    starting?: boolean;
  }>;
  /**
   * Undoes `create` and everything since; what is not there is not an error. Only what the creation `operationId` made
   * is touched; an empty one stands for others, who made the agent. `asked`: that it may be made yet.
   */
  remove(
    agent: {
      agentId: string;
      workspace?: string | undefined;
      gateway?: string | undefined;
      operationId: string;
      asked?: HostAsked | undefined;
    },
    what: { workspace: boolean; sessions: boolean },
  ): Promise<{ deleted: string[]; preserved: string[] }>;
  /**
   * For a change that does more than one thing, before the first of them; absent where there are no gateways.
   * @throws Problem `gateway_not_found` where the agent's is not one of the host's any more
   */
  requireGateway?(agent: Pick<HostAgent, "agentId" | "gateway">): void;
  /**
   * Replaces the provider's credential and pins it; resolves to its profile id. With a `model` the agent uses that
   * one from now on, with this key.
   */
  setCredential(agent: HostAgent, credential: Credential, model?: string): Promise<string>;
  bind(agent: HostAgent, bindings: string[]): Promise<BindResult>;
  /** A field that is absent stays. `agent` carries the confinement, tools and peers that it has so far. */
  update(
    agent: HostAgent,
    change: HostHold & { name?: string | undefined; model?: string | undefined; identity?: Identity },
  ): Promise<void>;
  inspect(agent: HostAgent): Promise<HostHealth>;
  /**
   * In ascending order of id, after `cursor` (an id, exclusive). Agents that others made are listed too; those that
   * several gateways have by one id are all on one page.
   * `unreachable` names gateways that did not answer.
   */
  list(page: {
    cursor?: string | undefined;
    limit: number;
  }): Promise<{ agents: HostAgent[]; nextCursor?: string; unreachable: string[] }>;
  /** More than one where several gateways have an agent of this id. `unreachable` ones do not say. */
  find(agentId: string): Promise<{ agents: HostAgent[]; unreachable: string[] }>;
  /** The doors that are open now, on a host that runs agents. */
  openDoors?(): Promise<OpenDoor[]>;
  /** Rejects when the host cannot be used. */
  check(): Promise<void>;
}

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

export interface Crypto {
  /** SHA-256 of the text's UTF-8, in lower-case hex. Synchronous where the runtime has it (40 times faster). */
  sha256(text: string): string | Promise<string>;
  randomBytes(length: number): Uint8Array;
}

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export type LogLevel = "debug" | "info" | "warn" | "error";
export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;

export interface Instance {
  /** How long what it holds outlives it, in milliseconds. Default: `leaseTtlMs`. */
  readonly leaseMs?: number;
  /** Names this process, so that what it leaves behind can be told from what others are doing. */
  readonly id: string;
  /** Whether the process of that id is certainly gone. */
  isGone(id: string): boolean;
  /** Where the stores alone can tell: whether the instance of that id has not been heard of for too long. */
  isLost?(id: string): Promise<boolean>;
}

/** @template Types what each collection of the records holds */
export interface PortsOver<Types extends object> {
  records: RecordStore<Types>;
  ledger: Ledger;
  audit: AuditTrail;
  host: AgentHost;
  outbox: Outbox;
  webhooks: WebhookTransport;
  activity: ActivityLog;
  /** How often a stream of events looks, and for how long. Default: each 2 s, for 5 minutes. */
  eventTicks?: { everyMs: number; most: number } | undefined;
  clock: Clock;
  crypto: Crypto;
  fetch: Fetch;
  log: Log;
  instance: Instance;
  /** Keys of 32 bytes: secrets are sealed under the first, and opened under any. */
  sealKeys(): readonly Uint8Array[];
  /** Agents that one call may change, where an invocation may do so many things only. */
  mostBulkChanges?: number | undefined;
  /** Runs on after the answer was sent (the Worker's `waitUntil`). */
  background: (work: Promise<unknown>) => void;
}

export interface OutboxMessage {
  /** Names what happened: one cause is one message, whoever tells of it and how often. Printable ASCII. */
  cause: string;
  type: string;
  /** Epoch milliseconds at which it happened. */
  at: number;
  /** A JSON object. */
  data: string;
  /** The counter's use, as the transaction left it that crossed a threshold. */
  used?: number | undefined;
  /** Epoch milliseconds before which nothing is sent. Default: `at`. */
  dueAt?: number | undefined;
  /** Epoch milliseconds until which the cause is remembered. Default: a week after it is due. */
  keepUntil?: number | undefined;
}

/** A message or delivery that its taker holds alone until the lease ends; then others get it again. */
export type Due =
  /** Not yet turned into deliveries. */
  | { kind: "message"; message: OutboxMessage; lease: string }
  | {
      kind: "delivery";
      message: OutboxMessage;
      messageId: string;
      endpoint: string;
      /** Made before this one. */
      attempts: number;
      lease: string;
    };

export interface DeliveryAttempt {
  /** Epoch milliseconds of its begin. */
  at: number;
  ms: number;
  status?: number | undefined;
  /** Where there was no answer. */
  error?: string | undefined;
}

export type DeliveryState = "pending" | "delivered" | "failed" | "dropped";

export interface Delivery {
  endpoint: string;
  messageId: string;
  type: string;
  /** Epoch milliseconds at which the message was turned into deliveries. */
  createdAt: number;
  state: DeliveryState;
  attempts: number;
  last?: DeliveryAttempt | undefined;
  /** Epoch milliseconds of the next attempt, while it is pending. */
  dueAt?: number | undefined;
}

/** Where alerts wait until they are delivered: durable, shared by all processes, and taken by one at a time. */
export interface Outbox {
  /** Resolves to whether the cause was unknown. Durable when it resolves. */
  put(message: OutboxMessage): Promise<boolean>;
  /** The due ones, the longest due first, without deliveries to the endpoints `except`. */
  take(options: { limit: number; leaseMs: number; except?: readonly string[] }): Promise<Due[]>;
  /**
   * Turns a message into one delivery an endpoint, all or none; of no endpoints, it is only remembered.
   * Resolves to whether the lease was still held.
   * @param data in place of what was put
   */
  spread(
    cause: string,
    lease: string,
    messageId: string,
    endpoints: readonly string[],
    data?: string,
  ): Promise<boolean>;
  /** A message for one endpoint alone, whose delivery the caller has at once. Resolves to the lease. */
  begin(message: OutboxMessage, messageId: string, endpoint: string, leaseMs: number): Promise<string>;
  /** After an attempt (or, of a delivery that is dropped, none). Another's lease, or none, changes nothing. */
  record(
    delivery: { endpoint: string; messageId: string; lease: string },
    outcome: { state: "pending"; dueAt: number } | { state: Exclude<DeliveryState, "pending"> },
    attempt?: DeliveryAttempt,
  ): Promise<void>;
  /** Newest first. `cursor` is the `nextCursor` of the page before. */
  deliveries(
    endpoint: string,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<{ deliveries: Delivery[]; nextCursor?: string }>;
  /** Makes a delivery due now, with all its retries before it. Resolves to whether there is one. */
  resend(endpoint: string, messageId: string): Promise<boolean>;
  /** Forgets the deliveries of an endpoint. */
  discard(endpoint: string): Promise<void>;
  /** Epoch milliseconds at which something is due next, leased ones included. */
  nextDue(): Promise<number | undefined>;
  /** Messages that became due after the one numbered `after`, in that order; without `after`, only where that is. */
  recent(after: number | undefined, limit: number): Promise<{ messages: SentMessage[]; last: number }>;
}

export interface SentMessage {
  seq: number;
  messageId: string;
  message: OutboxMessage;
}

/** Sends to addresses that operators chose, and to none inside the network. */
export interface WebhookTransport {
  /** @throws Problem `webhook_not_allowed`, naming the setting that allows it */
  check(url: string): Promise<void>;
  /**
   * Resolves to the status, whichever it is; a redirect is not followed, and no body is read. The address is checked
   * again, and the one that was checked is connected to.
   * @throws Problem `webhook_not_allowed`; anything else where there was no answer
   */
  post(
    url: string,
    request: { headers: Record<string, string>; body: string; signal: AbortSignal },
  ): Promise<{ status: number; retryAfter: string | undefined }>;
}

export interface AgentActivity {
  agentId: string;
  requests: number;
  tokens: number;
  denied: number;
}

/** The activity that one process has metered in a moment. */
export interface ActivitySample {
  /** Epoch milliseconds. */
  at: number;
  requests: number;
  tokens: number;
  denied: number;
  agents: AgentActivity[];
}

/** The activity of all processes at this moment. It is kept for a minute, and lost with a process without harm. */
export interface ActivityLog {
  /** Resolves to whether anybody has looked lately: where nobody does, samples may come seldom. */
  publish(sample: ActivitySample): Promise<boolean>;
  /** The samples published after the cursor; without a cursor, only the cursor. */
  since(cursor: string | undefined): Promise<{ samples: ActivitySample[]; cursor: string }>;
}
