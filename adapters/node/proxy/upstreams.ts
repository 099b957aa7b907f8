import type { EnvHttpProxyAgent } from "undici";
import { createProxyAgent, maxHeaderSize, type OutgoingProxies } from "../outgoing-proxies.ts";
import type { ExchangeHandler, UpstreamRequest } from "../upstream/exchange.ts";
import { createUpstreamPool, type UpstreamPool } from "../upstream/upstream-pool.ts";

/** Connection pools, one for each origin. */
export interface Upstreams {
  /** The connections to one scheme and host. */
  to(origin: string): { dispatch(request: UpstreamRequest, handler: ExchangeHandler): void };
  close(): Promise<void>;
}

/** Bounds in milliseconds; `silenceTimeoutMs` is counted anew with every byte. */
export interface UpstreamTimeouts {
  connectTimeoutMs: number;
  silenceTimeoutMs: number;
}

/** Operators name the origins; beyond this many the one that came first is closed. */
const maxOrigins = 64;

/** Kept-alive connections by origin; as many at once as there are requests, for a stream holds its own for minutes. */
export function createUpstreams(timeouts: UpstreamTimeouts, proxies: OutgoingProxies | undefined): Upstreams {
  return proxies ? throughProxies(timeouts, proxies) : direct(timeouts);
}

function throughProxies(timeouts: UpstreamTimeouts, proxies: OutgoingProxies): Upstreams {
  let agent: Promise<EnvHttpProxyAgent> | undefined;
  return {
    to: (origin) => ({
      dispatch({ headers, ...options }, handler) {
        agent ??= createProxyAgent(proxies, timeouts);
        agent.then(
          (proxyAgent) => proxyAgent.dispatch({ ...options, origin, headers: byName(headers) }, handler),
          (error: Error) => handler.onResponseError(undefined, error),
        );
      },
    }),
    close: async () => await (await agent)?.destroy(),
  };
}

/** undici's proxies would take the last value alone of a name that comes twice. */
function byName(flat: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (let at = 0; at < flat.length; at += 2) {
    const [name, value] = [flat[at]!, flat[at + 1]!];
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

function direct({ connectTimeoutMs, silenceTimeoutMs }: UpstreamTimeouts): Upstreams {
  const pools = new Map<string, UpstreamPool>();
  return {
    to(origin) {
      let pool = pools.get(origin);
      if (pool === undefined) {
        pool = createUpstreamPool(origin, { connectTimeoutMs, silenceTimeoutMs, maxHead: maxHeaderSize });
        pools.set(origin, pool);
        for (const [other, unused] of pools) {
          if (pools.size <= maxOrigins) break;
          pools.delete(other);
          unused.retire();
        }
      }
      return pool;
    },
    async close() {
      for (const pool of pools.values()) pool.destroy();
      pools.clear();
    },
  };
}
