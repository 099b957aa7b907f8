import { type Dispatcher, Pool } from "undici";

export interface Upstreams {
  /** The connections to one scheme and host. */
  to(origin: string): Dispatcher;
  close(): Promise<void>;
}

export interface UpstreamTimeouts {
  connectTimeoutMs: number;
  silenceTimeoutMs: number;
}

/** Operators name the origins; beyond this many the one unused for longest is closed. */
const maxOrigins = 64;

/** Kept-alive connections by origin; as many at once as there are requests, for a stream holds its own for minutes. */
export function createUpstreams({ connectTimeoutMs, silenceTimeoutMs }: UpstreamTimeouts): Upstreams {
  const pools = new Map<string, Pool>();
  return {
    to(origin) {
      let pool = pools.get(origin);
      if (pool === undefined) {
        pool = new Pool(origin, {
          connections: null,
          allowH2: false,
          connect: { timeout: connectTimeoutMs },
          headersTimeout: silenceTimeoutMs,
          bodyTimeout: silenceTimeoutMs,
        });
        pools.set(origin, pool);
        for (const [other, unused] of pools) {
          if (pools.size <= maxOrigins) break;
          pools.delete(other);
          void unused.close();
        }
      }
      return pool;
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}
