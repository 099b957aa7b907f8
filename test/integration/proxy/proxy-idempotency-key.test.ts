import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

/** Agents share the operator's account at the provider, where an idempotency key would find another one's answer. */

let upstream: SampleUpstream;
let stand: ProxyStand;
beforeAll(async () => {
  upstream = await startSampleUpstream();
  stand = await proxyStand({ kind: "openai", upstream: upstream.origin });
});
afterAll(async () => {
  await stand.close();
  await upstream.close();
});
beforeEach(() => {
  upstream.seen.length = 0;
});

async function sentKey(transport: Transport, key: string, headers: [string, string][]): Promise<unknown> {
  const response = await stand.fetchBy(transport)("/proxy/openai/v1/chat/completions", {
    method: "POST",
    headers: [["authorization", `Bearer ${key}`], ...headers],
    body: JSON.stringify({ model: "gpt-5", messages: [] }),
  });
  await response.text();
  return upstream.seen.at(-1)?.headers["idempotency-key"];
}

it.each<Transport>(["node", "fetch"])(
  "over %s: it stays equal for one agent, and meets no other's",
  async (transport) => {
    const other = await stand.addKey(stand.provider);
    const own = await sentKey(transport, stand.key, [["idempotency-key", "retry-1"]]);
    expect(own).toMatch(/^[0-9a-f]{64}$/);
    expect(await sentKey(transport, stand.key, [["idempotency-key", "retry-1"]])).toBe(own);
    expect(await sentKey(transport, stand.key, [["idempotency-key", "retry-2"]])).not.toBe(own);
    expect(await sentKey(transport, other.key, [["idempotency-key", "retry-1"]])).not.toBe(own);
    // Nor can one be made up that is another's.
    expect(await sentKey(transport, other.key, [["idempotency-key", String(own)]])).not.toBe(own);
    expect(await sentKey(transport, stand.key, [])).toBeUndefined();
  },
);
