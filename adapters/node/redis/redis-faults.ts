import type { Redis } from "ioredis";
import { withoutPassword } from "../../../src/domain/plain-address.ts";
import type { Log } from "../../../src/ports.ts";

interface Fault {
  reason: string;
  /** No further attempt is made. */
  final?: boolean;
}

/** The reason why a connection cannot be used: what Redis or the network said last. */
const faults = new WeakMap<Redis, Fault>();

/** `undefined` while the connection can be used. */
export const faultOf = (redis: Redis): string | undefined => faults.get(redis)?.reason;
/** Whether no attempt to connect will be made any more. */
export const isGivenUp = (redis: Redis): boolean => faults.get(redis)?.final === true;

/**
 * Keeps and logs the reason while a connection cannot be used, which no refused command tells. A database that cannot
 * be selected ends the connection, and where there is none, for good: ioredis would go on in database 0, among another
 * deployment's data.
 *
 * @returns ends the watch, before the connection is closed on purpose
 */
export function watchConnection(redis: Redis, log: Log): () => void {
  let ended = false;
  const note = (fault: Fault): void => {
    const known = faults.get(redis);
    if (ended || known?.final || known?.reason === fault.reason) return;
    faults.set(redis, fault);
    log("error", "Redis cannot be used", { reason: fault.reason });
  };
  redis.on("error", (error: Error) => {
    const reason = reasonOf(error);
    if (isRefusedSelect(error)) {
      const final = isNoDatabase(error);
      note({ reason: `its database ${redis.options.db} cannot be used (${reason})`, final });
      if (final) redis.options.retryStrategy = () => null;
      redis.disconnect(!final);
    } else note({ reason: redis.options.tls ? `${reason}; does it speak TLS (rediss://)?` : reason });
  });
  redis.on("close", () => {
    if (!faults.has(redis)) note({ reason: "it closed the connection; does it speak TLS (rediss://), or not?" });
  });
  redis.on("ready", () => {
    if (faults.delete(redis)) log("info", "Redis can be used again");
  });
  return () => {
    ended = true;
  };
}

/**
 * Redis's own words begin with a code in capitals; classes have other names in the bundle. Without a credential all is
 * refused, and with the right one it may not be.
 */
const isRefusedSelect = (error: Error): boolean =>
  (error as Error & { command?: { name?: string } }).command?.name === "select" &&
  /^(?!NOAUTH|WRONGPASS|LOADING)[A-Z]+ /.test(error.message);

/** All else may pass: `BUSY` with another program's script, too many clients. */
const isNoDatabase = (error: Error): boolean => /^NOPERM |^ERR .*(DB index|cluster mode)/.test(error.message);

/** Some have an empty message (of each address one) or OpenSSL's several lines; commands hang on some, secrets and all. */
function reasonOf(error: Error): string {
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  return withoutPassword((first.message.split("\n")[0] || error.name).slice(0, 200));
}

/** Redis's treatment of the keys once its memory is short. `unknown`: this user may not ask. */
export type Eviction = { kind: "none" } | { kind: "evicts"; policy: string } | { kind: "unknown"; reason: string };

/**
 * `unknown` where an access list forbids `INFO`.
 * @throws Error where Redis does not answer
 */
export async function evictionOf(redis: Redis): Promise<Eviction> {
  let memory: string;
  try {
    memory = await redis.info("memory");
  } catch (error) {
    const { message } = error as Error;
    if (!message.startsWith("NOPERM")) throw error;
    return { kind: "unknown", reason: message };
  }
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
  const limited = !/^maxmemory:0\s*$/m.test(memory);
  return limited && policy !== undefined && policy !== "noeviction" ? { kind: "evicts", policy } : { kind: "none" };
}

/** The finding in words, for the doctor and the log. */
export const evictionWarning = (policy: string): string =>
  `Redis throws keys, quotas and agents away once its memory is short (maxmemory-policy ${policy})`;
