import type { Redis, RedisOptions } from "ioredis";
import { isProblem, Problem, type ProblemCode } from "../../../src/errors.ts";
import { faultOf } from "./redis-faults.ts";

/** Longer than any answer of a Redis that works, and short of what a client would wait for. */
const answerMs = 900;

/**
 * A command is answered or refused within a second, and sent once: while Redis is away nothing is queued, and what
 * was under way when the connection broke is not repeated, since it may have been done.
 */
export const redisOptions: RedisOptions = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: answerMs,
  connectTimeout: answerMs,
  retryStrategy: (attempt) => Math.min(25 * 2 ** Math.min(attempt, 6), 1_000) * (0.75 + Math.random() / 2),
  // After a failover the old primary still answers, as a replica. Redis 6.2 words it differently where a script writes.
  reconnectOnError: (error) => /^READONLY |: -READONLY /.test(error.message),
};

/** Resolves when the first attempt to connect has ended, either way: a Redis that is away is waited for by all calls. */
export function firstAttempt(redis: Redis): Promise<void> {
  if (redis.status === "ready") return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, 2 * answerMs);
    function done(): void {
      clearTimeout(timer);
      redis.off("ready", done).off("close", done);
      resolve();
    }
    redis.once("ready", done).once("close", done);
  });
}

/**
 * A peer that vanished without a word is noticed by TCP only after many minutes. (The `socketTimeout` of ioredis is no
 * help: its timer outlives the connection that it was set for, and then ends the next one.)
 */
const dropSilent = (redis: Redis, error: Error): unknown =>
  error.message === "Command timed out" && redis.status === "ready"
    ? redis.stream.destroy(new Error(`it did not answer within ${answerMs} ms`))
    : undefined;

/** Redis's own words may name its address, which is for the log and the doctor. */
const further = 'its own words stand in the log, and "doctor" says what helps';
const details: { [C in ProblemCode]?: string } = {
  store_unreadable: `Redis, the store, cannot be read: ${further}.`,
  store_unwritable: `Redis, the store, cannot be written: ${further}.`,
  audit_unwritable: `The audit trail in Redis cannot be written: ${further}.`,
};

/** @throws Problem of this code for whatever Redis or the connection refuses */
export async function answered<T>(redis: Redis, code: ProblemCode, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isProblem(error) || !(error instanceof Error)) throw error;
    dropSilent(redis, error);
    // ioredis hangs the whole command on its errors, a record's content and all: the log gets the message alone.
    const fault = faultOf(redis);
    const why = fault === undefined ? "" : ` (${fault})`;
    throw new Problem(code, details[code], { cause: new Error(`Redis: ${error.message}${why}`) });
  }
}
