import { createHash } from "node:crypto";
import type { Redis } from "ioredis";

export type RedisArgument = string | number;

/**
 * A Lua script as a function: sent by its digest, and whole where the server does not have it (yet, or after a
 * restart). Redis runs it without anything in between.
 */
export function redisScript<T>(redis: Redis, lua: string): (keys: string[], args: RedisArgument[]) => Promise<T> {
  const digest = createHash("sha1").update(lua).digest("hex");
  return async (keys, args) => {
    try {
      return (await redis.evalsha(digest, keys.length, ...keys, ...args)) as T;
    } catch (error) {
      // Nothing was run, so that sending it again does nothing twice.
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return (await redis.eval(lua, keys.length, ...keys, ...args)) as T;
    }
  };
}
