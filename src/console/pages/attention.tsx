import type * as z from "zod/mini";
import type { AiProviderList } from "../../schema/ai-provider.ts";
import type { Overview } from "../../schema/fleet-usage.ts";
import type { ProvisioningKeyList } from "../../schema/provisioning-key.ts";
import type { WebhookList } from "../../schema/webhook.ts";
import { may, useCaller } from "../state/caller.ts";
import { addressOf, agentAddress } from "../state/router.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";

interface Concern {
  id: string;
  what: string;
  who: string;
  remedy?: string;
  at?: string | undefined;
  isBad?: boolean;
  href: string;
}

const mostShown = 12;
const soonMs = 14 * 86_400_000;
const isSoon = (at: string | undefined): boolean => at !== undefined && Date.parse(at) - Date.now() < soonMs;

/** The findings that somebody should look at, each with the page on which it is mended. */
export function Attention({ found }: { found: Overview["attention"] }) {
  const isAdmin = may(useCaller(), "provisioning:admin");
  const keys = useQuery<z.infer<typeof ProvisioningKeyList>>(isAdmin ? "/provisioning/agent-keys" : undefined);
  const providers = useQuery<z.infer<typeof AiProviderList>>(isAdmin ? "/provisioning/ai-providers" : undefined);
  const webhooks = useQuery<z.infer<typeof WebhookList>>(isAdmin ? "/provisioning/webhooks" : undefined);
  const asked = [keys, providers, webhooks];
  const failed = asked.find(({ error }) => error);
  const isAllKnown = !failed && !asked.some(({ loading }) => loading);
  const revoked = new Set(
    providers.data?.keys.filter(({ status }) => status === "revoked").map(({ provider }) => provider),
  );
  for (const { provider, status } of providers.data?.keys ?? []) if (status === "active") revoked.delete(provider);
  const concerns: Concern[] = [
    ...found.map(({ kind, target, text, remedy, severity }) => ({
      id: `${kind}:${target}`,
      what: t.attention.kinds[kind] ?? kind,
      who: text,
      remedy,
      isBad: severity === "critical",
      href:
        kind === "unpriced_model"
          ? addressOf(["usage"])
          : target === undefined
            ? addressOf(["agents"])
            : agentAddress(target),
    })),
    ...(keys.data?.keys ?? [])
      .filter(({ expiresAt, status }) => status === "active" && isSoon(expiresAt))
      .map(({ id, name, expiresAt }) => ({
        id: `key:${id}`,
        what: t.attention.keyEnds,
        who: name,
        at: expiresAt,
        href: addressOf(["keys"]),
      })),
    ...[...revoked].map((provider) => ({
      id: `provider:${provider}`,
      what: t.attention.providerRevoked,
      who: provider,
      href: addressOf(["providers"]),
    })),
    ...(webhooks.data?.webhooks ?? [])
      .filter(({ disabledReason }) => disabledReason === "gone" || disabledReason === "failing")
      .map(({ id, url, disabledAt }) => ({
        id: `webhook:${id}`,
        what: t.attention.webhook,
        who: url,
        at: disabledAt,
        href: addressOf(["alerts", id]),
      })),
  ];
  return (
    <section>
      <h2>{t.overview.attention}</h2>
      <ProblemNote error={failed?.error} again={failed?.again} />
      {concerns.length === 0 && isAllKnown && <p class="muted">{t.overview.calm}</p>}
      <ul class="list">
        {concerns.slice(0, mostShown).map(({ id, what, who, remedy, at, isBad, href }) => (
          <li key={id}>
            <span class={isBad ? "pill bad" : "pill warn"}>{what}</span>
            <a class="grow wrap" href={href}>
              <Shown text={who} />
            </a>
            {remedy && (
              <span class="small muted wrap">
                <Shown text={remedy} />
              </span>
            )}
            {at && (
              <span class="small muted">
                <Ago at={at} />
              </span>
            )}
          </li>
        ))}
      </ul>
      {concerns.length > mostShown && <p class="muted">{t.overview.more(concerns.length - mostShown)}</p>}
    </section>
  );
}
