import type { StoreKind } from "../stores/stores.ts";

/** One Redis for every process that names it; ioredis is loaded only where it is wanted. */
export const redisStore: StoreKind = {
  urls: "a Redis URL, as in redis://127.0.0.1:6379/0 (the number is that of the database)",
  // A path that is no number would be database 0, and the data another deployment's.
  accepts: ({ pathname, searchParams }) => /^\/?\d*$/.test(pathname) && !searchParams.has("db"),
  async open(url, options) {
    const { openRedisStores } = await import("./redis-stores.ts");
    return await openRedisStores(url, options);
  },
};
