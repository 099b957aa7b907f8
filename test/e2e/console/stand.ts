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
  /** Everything that the target has logged so far, of every level. */
  log(): string;
  close(): Promise<void>;
}

const config = { ...structuredClone(contractConfig), logging: { level: "debug" } };

/** A server in this process, whose log goes to this process's stdout. */
async function loggingNode(tell: (text: string) => void): Promise<Target> {
  const write = process.stdout.write;
  process.stdout.write = (chunk: string | Uint8Array) => {
    tell(String(chunk));
    return true;
  };
  const target = await nodeTarget({ config });
  return {
    ...target,
    async close() {
      await target.close();
      process.stdout.write = write;
    },
  };
}

type MakeTarget = (tell: (text: string) => void) => Promise<Target>;

export const targets: Record<string, MakeTarget> = {
  Node: loggingNode,
  // A local address, which Cloudflare itself would refuse, works here: the Worker's own fetch reaches it in workerd.
  Worker: (tell) => workerTarget({ config, log: (line) => tell(`${line}\n`) }),
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

export async function openStand(make: MakeTarget): Promise<Stand> {
  const upstream = await startSampleUpstream();
  const logged: string[] = [];
  const target = await make((text) => logged.push(text));
  return {
    target,
    upstream,
    ...(await furnish(target, upstream)),
    log: () => logged.join(""),
    async close() {
      await target.close();
      await upstream.close();
    },
  };
}
