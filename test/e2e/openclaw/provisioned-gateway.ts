import { rm } from "node:fs/promises";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";
import { builtPlugin } from "./built-plugin.ts";
import { type Answer, type Gateway, makeGateway } from "./gateway.ts";

export const masterKey = "sk-test-master-not-a-real-key-0001";
export const adminToken = "admin-token-of-a-test";
const scopes = ["agents:create", "agents:onboard", "agents:update", "agents:delete", "agents:keys"];

export interface ProvisionedGateway {
  gateway: Gateway;
  upstream: SampleUpstream;
  /** A provisioning key with every scope of agents, linked to a sample of Anthropic. */
  key: string;
  /** Adds a provider at this address; @returns a provisioning key of that kind linked to it */
  link(provider: string, baseUrl: string): Promise<string>;
  create(name: string, more?: Record<string, unknown>, quotas?: Record<string, number>): Promise<Answer>;
  /** The same, and it has to succeed. */
  created(name: string, more?: Record<string, unknown>, quotas?: Record<string, number>): Promise<Answer>;
  close(): Promise<void>;
}

/**
 * A running gateway with the plugin linked, and a key. Each command of OpenClaw's takes seconds to start: they are tried
 * elsewhere, and the API does the same.
 * @param options.origin of an upstream that is not the sample
 */
export async function provisionedGateway(
  options: { origin?: string; openclaw?: Record<string, unknown> } = {},
): Promise<ProvisionedGateway> {
  const plugin = await builtPlugin();
  const upstream = await startSampleUpstream();
  upstream.behave({ usesTools: false });
  const gateway = await makeGateway({
    ...(options.openclaw && { openclaw: options.openclaw }),
    env: { OPENCLAW_ADMIN_TOKEN: adminToken },
    config: { gateway: { provisioning: { allowDelete: true, rateLimitPerMinute: 10_000, maxAgentsPerKey: 1000 } } },
  });
  await gateway.cli(["plugins", "install", "--link", plugin, "--force", "--accept-capabilities"]);
  await gateway.start();
  async function made<T>(path: string, asked: object): Promise<T> {
    const { status, body } = await gateway.api("POST", `/provisioning/${path}`, asked, adminToken);
    if (status !== 201) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    return body as T;
  }
  async function link(provider: string, baseUrl: string): Promise<string> {
    const master = { provider, name: `Master of ${provider}`, key: masterKey, baseUrl, verify: false };
    const { id } = await made<{ id: string }>("ai-providers", master);
    return (await made<{ key: string }>("agent-keys", { name: "E2E", scopes, aiProviderKeyId: id })).key;
  }
  const key = await link("anthropic", options.origin ?? upstream.origin);

  const create: ProvisionedGateway["create"] = (name, more = {}, quotas = {}) =>
    gateway.api(
      "POST",
      "/agents/create",
      { name, model: "claude-sonnet-3.5", autoProvisionAiKey: { provider: "anthropic", quotas }, ...more },
      key,
    );
  return {
    gateway,
    upstream,
    key,
    link,
    create,
    async created(...args) {
      const answer = await create(...args);
      if (answer.status !== 201) throw new Error(`${args[0]}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer;
    },
    async close() {
      await gateway.close();
      await upstream.close();
      await rm(plugin, { recursive: true, force: true });
    },
  };
}
