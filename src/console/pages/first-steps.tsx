import type * as z from "zod/mini";
import type { AgentList } from "../../schema/agent.ts";
import type { AiProviderList } from "../../schema/ai-provider.ts";
import type { Usage } from "../../schema/usage.ts";
import { below } from "../state/api.ts";
import { may, useCaller } from "../state/caller.ts";
import { addressOf, agentAddress } from "../state/router.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";

/** From an empty deployment to a metered answer; gone once there is one. */
export function FirstSteps() {
  const caller = useCaller();
  const isAdmin = may(caller, "provisioning:admin");
  const providers = useQuery<z.infer<typeof AiProviderList>>(isAdmin ? "/provisioning/ai-providers" : undefined);
  const agents = useQuery<z.infer<typeof AgentList>>("/agents?limit=100");
  const withKey = agents.data?.agents.filter(({ aiKeyId }) => aiKeyId !== undefined) ?? [];
  const newest = withKey.toSorted((a, b) => (b.createdAt ?? "").localeCompare(a.createdAt ?? ""))[0];
  const usage = useQuery<Usage>(newest && `/agents${below(newest.agentId)}/usage`, { everyMs: 3_000 });
  if (!agents.data || (isAdmin && !providers.data)) return null;
  const active = providers.data?.keys.filter(({ status }) => status === "active") ?? [];
  const called = (usage.data?.total.requests ?? 0) > 0;
  if (called || withKey.length > 5) return null;
  const steps = [
    {
      done: active.length > 0 || withKey.length > 0,
      title: t.first.provider,
      hint: t.first.providerHint,
      href: isAdmin ? addressOf(["providers", "new"]) : undefined,
      label: t.first.providerGo,
    },
    {
      done: withKey.length > 0,
      title: t.first.agent,
      hint: t.first.agentHint,
      href: may(caller, "agents:create") ? addressOf(["agents", "new"]) : undefined,
      label: t.first.agentGo,
    },
    {
      done: called,
      title: t.first.call,
      hint: t.first.callHint,
      href: newest && agentAddress(newest.agentId),
      label: t.first.callGo,
    },
  ];
  const next = steps.findIndex(({ done }) => !done);
  return (
    <section class="section card">
      <h2>{t.first.title}</h2>
      <ol class="steps">
        {steps.map(({ done, title, hint, href, label }, at) => (
          <li key={title}>
            <Mark done={done} />
            <div>
              <b>{title}</b>
              <span class="hidden">{done ? t.first.done : t.first.todo}</span>
              <p class="muted">{hint}</p>
            </div>
            {at === next && href !== undefined && (
              <a class="button primary" href={href}>
                {label}
              </a>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

const Mark = ({ done }: { done: boolean }) => (
  <svg width="20" height="20" viewBox="0 0 20 20" class={done ? "ok" : "muted"} aria-hidden="true">
    <circle cx="10" cy="10" r="8.5" fill="none" stroke="currentColor" stroke-width="1.5" />
    {done && <path d="M6 10.5l2.7 2.7L14 7.5" fill="none" stroke="currentColor" stroke-width="1.8" />}
  </svg>
);
