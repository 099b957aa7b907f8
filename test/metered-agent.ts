import { type Dispatcher, fetch as undiciFetch } from "undici";
import type { ServerProcess } from "./server-process.ts";
import { adminClient, keyedClient } from "./server-process.ts";
import type { SampleUpstream } from "./upstream/sample-upstream.ts";

/** A request whose cost is known to the token before it is sent: what is reserved is what `exactUsage` then charges. */
export const meteredBody = JSON.stringify({
  model: "claude-sonnet-3.5",
  max_tokens: 16,
  messages: [{ role: "user", content: "hello" }],
});
/** Bytes of the request, what a template may add, and the output bound. */
export const meteredTokens = meteredBody.length + 64 + 16;
export const exactUsage = { input: meteredTokens - 16, output: 16 };
/** A price without a dearer cache: what is reserved in USD is what `exactUsage` costs too. */
export const meteredPrice = { provider: "anthropic", model: "claude-sonnet-3.5", input: 3, output: 15 };
export const microUsdOf = ({ input, output }: { input: number; output: number }): number =>
  input * meteredPrice.input + output * meteredPrice.output;
export const meteredMicroUsd = microUsdOf(exactUsage);

/** Sends one metered request; resolves to the status, 0 where no answer came. */
export async function meteredCall(origin: string, aiKey: string, dispatcher?: Dispatcher): Promise<number> {
  try {
    // Node's own fetch takes no dispatcher of another release of undici.
    const response = await (dispatcher ? undiciFetch : fetch)(`${origin}/proxy/anthropic/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": aiKey, "anthropic-version": "2023-06-01", "content-type": "application/json" },
      body: meteredBody,
      ...(dispatcher && { dispatcher }),
    });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

/** An AI provider whose requests go to the sample upstream, and a client whose provisioning key is linked to it. */
export async function meteredClient(
  server: ServerProcess,
  upstream: SampleUpstream,
  options: { maxAgents?: number; aiProviderKeyId?: string } = {},
) {
  // A caller that rotates an agent's key must be linked to the provider that pays for it.
  if (options.aiProviderKeyId !== undefined) {
    return { ...(await keyedClient(server.origin, options)), aiProviderKeyId: options.aiProviderKeyId };
  }
  const provider = await adminClient(server.origin).aiProviders.add({
    provider: "anthropic",
    name: `Sample ${crypto.randomUUID()}`,
    key: "sk-ant-not-a-real-key-0000",
    baseUrl: upstream.origin,
    verify: false,
  });
  const keyed = await keyedClient(server.origin, { ...options, aiProviderKeyId: provider.id });
  return { ...keyed, aiProviderKeyId: provider.id };
}
