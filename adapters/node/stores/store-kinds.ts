import { redisStore } from "../redis/redis-store.ts";
import type { StoreKind } from "./stores.ts";

/** Stores by the scheme of the URL; without a URL there are files. A further store is a folder, and a line here. */
const kinds: Readonly<Record<string, StoreKind>> = { "redis:": redisStore, "rediss:": redisStore };

/** `undefined` where no store has such a URL. */
export function storeKindOf(text: string): StoreKind | undefined {
  const url = URL.parse(text);
  const kind = url && Object.hasOwn(kinds, url.protocol) ? kinds[url.protocol] : undefined;
  return url && kind?.accepts(url) ? kind : undefined;
}

/** The accepted URLs, in words. */
export const storeUrls: string = [...new Set(Object.values(kinds))].map(({ urls }) => urls).join(", or ");
