import { nodeTarget } from "../../contract/node-target.ts";
import { allScopes, ask, contractConfig, makeLinkedKey, type Target } from "../../contract/target.ts";
import { workerTarget } from "../../contract/worker-target.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

export interface Stand {
  target: Target;
  upstream: SampleUpstream;
  /** A provisioning key that may do everything, linked to the AI provider. */
  key: string;
  keyId: string;
  close(): Promise<void>;
}

const config = structuredClone(contractConfig);

export const targets: Record<string, () => Promise<Target>> = {
  Node: () => nodeTarget({ config }),
  // A local address, which Cloudflare itself would refuse, works here: the Worker's own fetch reaches it in workerd.
  Worker: () => workerTarget({ config }),
};

/** An AI provider, a key that is linked to it, and agents to look at. */
async function furnish(target: Target, upstream: SampleUpstream): Promise<{ key: string; keyId: string }> {
  const { id: keyId, key } = await makeLinkedKey(
    target,
    { name: "CI pipeline", scopes: [...allScopes, "provisioning:admin"] },
    { name: "Main Anthropic", baseUrl: upstream.origin },
  );
  for (const name of ["hr-faq", "triage", "translator"]) {
    const made = await ask(target, "POST", "/agents/create", {
      key,
      body: {
        name,
        model: "claude-sonnet-4-5",
        labels: { tenant: "acme" },
        autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: 20_000 } },
      },
    });
    if (made.status !== 201) throw new Error(`no agent: ${JSON.stringify(made.body)}`);
  }
  return { key, keyId };
}

export async function openStand(make: () => Promise<Target>): Promise<Stand> {
  const upstream = await startSampleUpstream();
  const target = await make();
  return {
    target,
    upstream,
    ...(await furnish(target, upstream)),
    async close() {
      await target.close();
      await upstream.close();
    },
  };
}
