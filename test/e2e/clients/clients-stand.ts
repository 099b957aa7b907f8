import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ProviderKind, providerFacts } from "../../../src/domain/provider-facts.ts";
import { proxyBasePath } from "../../../src/domain/proxy-path.ts";
import type { Quotas } from "../../../src/schema/quota.ts";
import { startForwardProxy } from "../../forward-proxy.ts";
import { makePrivateCa, startTlsFront } from "../../private-ca.ts";
import { runBundle } from "../../run-bundle.ts";
import { adminClient, keyedClient, makeStateDir, startServerProcess, token } from "../../server-process.ts";
import { billingUpstream } from "./billing-upstream.ts";
import { countingDoor } from "./counting-door.ts";

export const month = 50_000_000;

export type ClientsStand = Awaited<ReturnType<typeof clientsStand>>;

/** Providers that are asked at their own address: an interrupted answer costs less there. */
const atHome = ["anthropic", "openai"] as const;
type AtHome = (typeof atHome)[number];
const isAtHome = (kind: ProviderKind): kind is AtHome => (atHome as readonly string[]).includes(kind);

/** The built server, behind a door that counts, before a provider that bills. */
export async function clientsStand(kind: ProviderKind, slug: string = kind) {
  const upstream = await billingUpstream();
  const door = await countingDoor();
  const stateDir = await makeStateDir();
  const address = isAtHome(kind) ? await ownAddress(kind, upstream.origin) : undefined;
  const server = await startServerProcess(stateDir, { OPENCLAW_PUBLIC_URL: door.origin, ...address?.env });
  door.leadTo(server.origin);
  const provider = await adminClient(server.origin).aiProviders.add({
    provider: slug,
    name: `Sample ${slug}`,
    key: "sk-sample-not-a-real-key-0000",
    // The provider's own path below its public base.
    ...(!address && { baseUrl: upstream.origin + proxyBasePath(kind, "").slice("/proxy/".length) }),
    verify: false,
  });
  const { key, client } = await keyedClient(server.origin, { aiProviderKeyId: provider.id });
  let made = 0;

  return {
    upstream,
    door,
    client,
    /** An agent, made as a person makes it; the lines are what the command prints. */
    async agent(printEnv: string, quotas: Quotas = { maxTokensPerMonth: month }) {
      const name = `client-${++made}`;
      const limits = Object.entries(quotas).flatMap(([quota, limit]) => [
        `--${quota.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
        String(limit),
      ]);
      const { exitCode, stdout, stderr } = await runBundle(
        [
          ...["provisioning", "agents", "create", name, "--provision-ai-key", slug, "--print-env", printEnv],
          ...[...limits, "--url", server.origin],
        ],
        { OPENCLAW_GATEWAY_TOKEN: token, AGENT_PROVISIONING_KEY: key },
      );
      if (exitCode !== 0) throw new Error(`agents create ended with ${exitCode}: ${stderr}`);
      return { id: name, exports: stdout };
    },
    /** Tokens that the agent was charged, once all that is under way has been settled. */
    async charged(agentId: string, expected?: number): Promise<number> {
      for (const deadline = Date.now() + 5000; ; ) {
        const { total, quotas } = await client.agents.usage(agentId);
        const isSettled = quotas.maxTokensPerMonth?.reserved === 0;
        if ((isSettled && (expected === undefined || total.tokens === expected)) || Date.now() > deadline) {
          return total.tokens;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async close(): Promise<void> {
      await server.stop();
      await door.close();
      await address?.close();
      await upstream.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** The way on which a provider's own name leads to this upstream: a forward proxy, and a CA of our own. */
async function ownAddress(kind: AtHome, upstream: string) {
  const directory = await mkdtemp(join(tmpdir(), "clients-ca-"));
  const { caFile, ...secrets } = makePrivateCa(directory, new URL(providerFacts[kind].baseUrl).hostname);
  const front = await startTlsFront(upstream, secrets);
  const proxy = await startForwardProxy({ to: front.origin });
  return {
    env: { HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: caFile },
    async close() {
      await proxy.close();
      await front.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
