import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { luaTexts } from "./lua-texts.ts";

export type RedisArgument = string | number;

/** The script `lua/<name>.lua`, after those that its first line names (`--! clock counters`). */
function luaOf(name: string): string {
  const text = luaTexts[name];
  if (text === undefined) throw new Error(`there is no lua/${name}.lua`);
  const used = /^--! (.*)\n/.exec(text)?.[1]?.split(" ") ?? [];
  return [...used.map(luaOf), text].join("");
}

/**
 * A Lua script as a function: sent by its digest, and whole where the server does not have it (yet, or after a
 * restart). Redis runs it without anything in between.
 */
export function redisScript<T>(redis: Redis, name: string): (keys: string[], args: RedisArgument[]) => Promise<T> {
  const lua = luaOf(name);
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
