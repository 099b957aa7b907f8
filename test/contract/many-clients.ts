import { Agent, fetch as undiciFetch } from "undici";

/** Fewer than a minute's failures of one address that are answered at once. */
const failuresEach = 20;

/**
 * Turns from one client's address to the next: the answer to a failure takes the longer the more of them came from its
 * address in a minute, and the contract makes hundreds.
 */
function inTurns<T>(clients: readonly T[], ask: (client: T, url: string, init?: RequestInit) => Promise<Response>) {
  let failures = 0;
  return async (url: string, init?: RequestInit): Promise<Response> => {
    const client = clients[Math.floor(failures / failuresEach) % clients.length]!;
    const response = await ask(client, url, init);
    if (response.status === 401) failures++;
    return response;
  };
}

const numbers = Array.from({ length: 200 }, (_, at) => at + 1);

/** `fetch` from many addresses of the loopback, where the system has more than one. */
export function fetchFromMany(options: Agent.Options = {}) {
  const places = process.platform === "linux" ? numbers.map((number) => `127.0.1.${number}`) : [undefined];
  const agents = places.map((localAddress) => new Agent({ ...options, ...(localAddress && { localAddress }) }));
  return {
    // Its types are undici's own, and the same.
    fetch: inTurns(
      agents,
      (dispatcher, url, init) => undiciFetch(url, { ...(init as object), dispatcher }) as unknown as Promise<Response>,
    ),
    async close() {
      await Promise.all(agents.map((agent) => agent.destroy()));
    },
  };
}

/** `fetch` of a Worker, which is told by Cloudflare's edge where a client is. */
export const fetchThroughEdge = () =>
  inTurns(numbers, (number, url, init) => {
    const headers = new Headers(init?.headers);
    headers.set("cf-connecting-ip", `203.0.113.${number}`);
    return fetch(url, { ...init, headers });
  });
