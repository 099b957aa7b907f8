import { allScopes, ask, makeKey, makeLinkedKey, type Target } from "../../test/contract/target.ts";
import type { SampleUpstream } from "../../test/upstream/sample-upstream.ts";

interface SampleAgent {
  name: string;
  model: string;
  labels: Record<string, string>;
  quotas: Record<string, number>;
  calls: number;
  bind?: string[];
}

const agents: SampleAgent[] = [
  ["HR questions", "claude-sonnet-4-5", "acme", 9],
  ["Support EU", "claude-haiku-4-5", "acme", 6],
  ["Support US", "claude-haiku-4-5", "acme", 4],
  ["Contract review", "claude-sonnet-4-5", "globex", 11],
  ["Translator", "claude-haiku-4-5", "globex", 3],
  ["On-call helper", "claude-sonnet-4-5", "globex", 8],
  ["Sales digest", "claude-haiku-4-5", "initech", 2],
  ["Lead scoring", "claude-sonnet-4-5", "initech", 1],
  ["Docs writer", "claude-sonnet-4-5", "initech", 0],
].map(([name, model, tenant, calls], at) => ({
  name: String(name),
  model: String(model),
  labels: { tenant: String(tenant), plan: at % 2 === 0 ? "pro" : "free" },
  quotas: { maxTokensPerMonth: 20_000, ...(at % 3 === 0 && { maxUsdPerMonth: 0.5 }) },
  calls: Number(calls),
  ...(at % 4 === 1 && { bind: [`telegram:${String(name).toLowerCase().replaceAll(" ", "-")}`] }),
}));

/** A deployment that has been in use for a while. */
export async function furnish(target: Target, upstream: SampleUpstream): Promise<{ key: string; webhookId: string }> {
  const admin = { key: target.adminToken };
  const { key } = await makeLinkedKey(
    target,
    { name: "CI pipeline", scopes: [...allScopes, "provisioning:admin"] },
    { name: "Main Anthropic", baseUrl: upstream.origin },
  );
  const soon = new Date(Date.now() + 6 * 86_400_000).toISOString();
  await makeKey(target, { name: "Tenant portal", scopes: ["agents:create"], maxAgents: 50, expiresAt: soon });
  upstream.behave({ usage: { input: 1_500, output: 260 } });
  for (const { calls, ...agent } of agents) {
    const { quotas, ...rest } = agent;
    const made = await ask(target, "POST", "/agents/create", {
      key,
      body: { ...rest, revealAiKey: true, autoProvisionAiKey: { provider: "anthropic", quotas } },
    });
    for (let call = 0; call < calls; call++) {
      await target.fetch(`${target.origin}/proxy/anthropic/v1/messages`, {
        method: "POST",
        headers: {
          "x-api-key": made.body.aiKey.key,
          "anthropic-version": "2023-06-01",
          "content-type": "application/json",
        },
        body: JSON.stringify({ model: agent.model, max_tokens: 300, messages: [{ role: "user", content: "hello" }] }),
      });
    }
  }
  await ask(target, "POST", "/agents/lead-scoring/suspend", { key });
  const webhook = await ask(target, "POST", "/provisioning/webhooks", {
    ...admin,
    body: { url: `${upstream.origin}/alerts`, events: ["quota.*", "provider.*"] },
  });
  await ask(target, "POST", `/provisioning/webhooks/${webhook.body.id}/test`, admin);
  return { key, webhookId: webhook.body.id };
}
