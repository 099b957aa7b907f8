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

/** One request to an endpoint, and the answer to it. */
export interface DeliveryAttempt {
  /** Epoch milliseconds of its begin. */
  at: number;
  ms: number;
  status?: number | undefined;
  /** Given where there was no answer. */
  error?: string | undefined;
}

export type DeliveryState = "pending" | "delivered" | "failed" | "dropped";

/** One message on its way to one endpoint, with its last attempt. */
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

/** A message that became due, with its place in that order. */
export interface SentMessage {
  seq: number;
  messageId: string;
  message: OutboxMessage;
}

/** Alerts that wait for their delivery: durable, shared by all processes, and taken by one at a time. */
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
