import type { AgentDetail } from "../../schema/agent.ts";
import type { QuotaStates } from "../../schema/quota.ts";
import { serverRoot } from "../state/api.ts";
import { exact } from "../state/format.ts";
import { exactOf } from "../state/quotas.ts";
import { t } from "../texts.ts";
import { Lines } from "../ui/copy.tsx";
import { QuotaMeter } from "../ui/quota-meter.tsx";
import { Status } from "../ui/status.tsx";
import { Ago } from "../ui/time.tsx";

/** The agent's AI key, what is left of its quotas, and how to try it. */
export function AgentKey({ agent }: { agent: AgentDetail }) {
  const { aiKey } = agent.health;
  if (!aiKey) {
    return (
      <section class="section">
        <h2>{t.agent.aiKey}</h2>
        <p class="muted">{t.agent.noKey}</p>
      </section>
    );
  }
  return (
    <section class="section">
      <h2>{t.agent.aiKey}</h2>
      <dl class="facts">
        <dt>{t.agent.id}</dt>
        <dd>
          <span class="mono">{aiKey.keyId}</span> <Status value={aiKey.status} />
        </dd>
        <dt>{t.agent.mode}</dt>
        <dd>
          {aiKey.provider}, {aiKey.mode}
        </dd>
        <dt>{t.agent.models}</dt>
        <dd>{aiKey.models?.join(", ") ?? t.agent.anyModel}</dd>
        <dt>{t.agent.expires}</dt>
        <dd>{aiKey.expiresAt ? <Ago at={aiKey.expiresAt} /> : t.agent.never}</dd>
        {aiKey.budgetUsdPerMonth !== undefined && (
          <>
            <dt>{t.agent.budget}</dt>
            <dd>${exact(aiKey.budgetUsdPerMonth)}</dd>
          </>
        )}
      </dl>
      <QuotaList quotas={aiKey.quotas} />
      {aiKey.mode === "virtual" && (
        <details>
          <summary>{t.agent.try}</summary>
          <p class="muted">{t.agent.tryHint}</p>
          <Lines text={trial(aiKey.provider, agent.model)} />
        </details>
      )}
    </section>
  );
}

/** A line for each quota that is set, with its meter and when it begins anew. */
export function QuotaList({ quotas }: { quotas: QuotaStates }) {
  return (
    <ul class="list">
      {Object.entries(quotas).map(([name, state]) => (
        <li key={name}>
          <span class="grow">{t.quota(name)}</span>
          <QuotaMeter name={name} state={state} />
          <span class="small muted">
            {t.agent.left(exactOf(name)(Math.max(0, state.left)))}, {t.agent.resets} <Ago at={state.resetAt} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** One request, as that provider's SDK would send it. */
function trial(provider: string, model = "MODEL"): string {
  const at = `${serverRoot()}/proxy/${provider}`;
  const bare = model.replace(/^[a-z0-9-]+\//, "");
  const say = `"messages": [{"role": "user", "content": "Say hello"}]`;
  if (provider === "anthropic") {
    return `curl ${at}/v1/messages \\
  -H 'x-api-key: YOUR_AI_KEY' -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' \\
  -d '{"model": "${bare}", "max_tokens": 64, ${say}}'`;
  }
  if (provider === "gemini") {
    return `curl '${at}/v1beta/models/${bare}:generateContent' \\
  -H 'x-goog-api-key: YOUR_AI_KEY' -H 'content-type: application/json' \\
  -d '{"contents": [{"parts": [{"text": "Say hello"}]}]}'`;
  }
  return `curl ${at}/v1/chat/completions \\
  -H 'authorization: Bearer YOUR_AI_KEY' -H 'content-type: application/json' \\
  -d '{"model": "${bare}", "max_completion_tokens": 64, ${say}}'`;
}
