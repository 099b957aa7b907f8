import type * as z from "zod/mini";
import { escapeHidden } from "../../domain/hidden-characters.ts";
import type { AgentList } from "../../schema/agent.ts";
import type { AiProviderList } from "../../schema/ai-provider.ts";
import type { PriceList } from "../../schema/price.ts";
import { may, useCaller } from "../state/caller.ts";
import { useQuery } from "../state/use-query.ts";
import { useReadiness } from "../state/use-readiness.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { Status } from "../ui/status.tsx";
import { Doctor } from "./doctor.tsx";
import { Gateways } from "./gateways.tsx";
import { VerifyTrail } from "./verify-trail.tsx";

/** Whether it can work, and with what. */
export function Health() {
  const caller = useCaller();
  const { features } = caller;
  const isAdmin = may(caller, "provisioning:admin");
  const readiness = useReadiness();
  const agents = useQuery<z.infer<typeof AgentList>>("/agents?limit=1", { everyMs: 15_000 });
  const prices = useQuery<PriceList>(isAdmin ? "/provisioning/prices?limit=1" : undefined);
  const providers = useQuery<z.infer<typeof AiProviderList>>(isAdmin ? "/provisioning/ai-providers" : undefined);
  const unreachable = agents.data?.unreachable ?? [];
  const rows: [name: string, state: string, detail: string][] = [
    [t.health.service, readiness?.ready === false ? "failing" : readiness ? "ok" : "", readiness?.detail ?? ""],
    [
      t.health.host,
      unreachable.length > 0 ? "failing" : agents.error ? "failing" : agents.data ? "ok" : "",
      hostDetail(),
    ],
    ...(providers.data?.keys ?? []).map(({ name, status, hint }): [string, string, string] => [name, status, hint]),
  ];
  function hostDetail(): string {
    if (agents.error) return agents.error.message;
    return unreachable.length > 0
      ? t.agents.unreachable(unreachable.join(", "))
      : (t.health.hosts[features.hostKind] ?? "");
  }
  return (
    <>
      <div class="head">
        <h1>{t.health.title}</h1>
      </div>
      <ul class="list card">
        {rows.map(([name, state, detail]) => (
          <li key={name}>
            <b class="grow wrap">{escapeHidden(name)}</b>
            <span class="muted wrap">{escapeHidden(detail)}</span>
            {state !== "" && <Status value={state} />}
          </li>
        ))}
      </ul>
      <ProblemNote error={providers.error} again={providers.again} />
      <Gateways />
      {isAdmin && (
        <section class="section">
          <h2>{t.audit.title}</h2>
          <VerifyTrail />
        </section>
      )}
      <section class="section">
        <h2>{t.health.deployment}</h2>
        <dl class="facts">
          <dt>{t.health.version}</dt>
          <dd>{features.version}</dd>
          <dt>{t.health.address}</dt>
          <dd class="mono">{features.publicUrl}</dd>
          {(prices.data ?? prices.error) && (
            <>
              <dt>{t.health.prices}</dt>
              <dd>{prices.data?.pricesAsOf ?? prices.error?.message}</dd>
            </>
          )}
          <dt>{t.health.deletes}</dt>
          <dd>{features.allowDelete ? t.health.yes : t.health.no}</dd>
        </dl>
      </section>
      {isAdmin && <Doctor />}
    </>
  );
}
