import { gatewaysFinding } from "../../domain/gateway-cost.ts";
import { othersTurn } from "../../domain/others-turn.ts";
import { priceAge } from "../../domain/price-age.ts";
import { isProblem } from "../../errors.ts";
import type { DoctorCheck, DoctorReport } from "../../schema/doctor.ts";
import { aiProviderIncident } from "../../storage/ledger-names.ts";
import { listAgents } from "../agents/agent-view.ts";
import { readIncident } from "../alerts/incidents.ts";
import { unopenableSettings } from "../alerts/settings-webhooks.ts";
import { allWebhooks } from "../alerts/webhooks.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { checkHost } from "../gateways/count-others.ts";
import { listGateways } from "../gateways/list-gateways.ts";
import { keyStatus, withCurrentState } from "../provisioning-keys/current-provisioning-key.ts";
import { findUnopenableSecrets } from "../secrets/unopenable-secrets.ts";
import { findAgentsWithRevokedProvider } from "./agents-with-revoked-provider.ts";

type Finding = Omit<DoctorCheck, "name">;

const ok = (detail: string): Finding => ({ status: "ok", detail });
const counted = (count: number, one: string): string => `${count.toLocaleString("en-US")} ${one}`;

/** A key that ends within these days is told of. */
const soonMs = 7 * 86_400_000;

const looks: Record<string, (context: Context, caller: Caller) => Promise<Finding>> = {
  async agents(context, caller) {
    let count = 0;
    const failed: string[] = [];
    const silent = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await listAgents(context, caller, { limit: 100, cursor });
      count += page.agents.length;
      for (const { agentId, status } of page.agents) if (status === "failed") failed.push(agentId);
      for (const gateway of page.unreachable ?? []) silent.add(gateway);
      cursor = page.nextCursor;
      if (cursor !== undefined) await othersTurn();
    } while (cursor !== undefined);
    if (silent.size > 0) {
      const remedy = "start those gateways, or correct their entries under gateway.provisioning.host.gateways";
      return { status: "failed", detail: `no answer from ${[...silent].join(", ")}`, remedy };
    }
    if (failed.length > 0) {
      const remedy = "`agents get <agent-id>` says what is missing";
      return { status: "failed", detail: `failed: ${failed.join(", ")}`, remedy };
    }
    return ok(counted(count, count === 1 ? "agent" : "agents"));
  },

  async "agent host"(context) {
    await checkHost(context);
    return ok(context.host.kind);
  },

  async gateways(context) {
    return gatewaysFinding((await listGateways(context)).gateways);
  },

  async "audit trail"({ audit }) {
    await audit.check();
    const { fault, events } = await audit.verify();
    if (!fault) return ok(`${counted(events, "events")}, chain whole`);
    const remedy = fault.remedy ?? "keep a copy of the trail as evidence; events after this line cannot be relied on";
    return { status: "failed", detail: `broken at line ${fault.line}: ${fault.reason}`, remedy };
  },

  async "AI providers"(context) {
    const { items } = await context.records.list("ai-providers");
    const active = items.filter(({ revokedAt }) => revokedAt === undefined);
    if (active.length === 0) {
      return { status: "warning", detail: "none is active", remedy: "`ai-providers add` adds one" };
    }
    for (const { id, name } of active) {
      const incident = await readIncident(context, aiProviderIncident(id));
      if (!incident) continue;
      const remedy = `see that it answers, or \`ai-providers rotate ${id}\``;
      return { status: "failed", detail: `"${name}" fails: ${incident.detail ?? "see its health"}`, remedy };
    }
    return ok(`${active.length} active`);
  },

  async "AI keys"(context) {
    const refused = await findAgentsWithRevokedProvider(context);
    if (refused.length === 0) return ok("none refused");
    const detail = `refused, since the AI provider is revoked: ${refused.join("; ")}`;
    return {
      status: "warning",
      detail,
      remedy: "`agents ai-key move <agent-id> --provider <name>` gives each another key, or delete them",
    };
  },

  async secrets(context) {
    const [found] = await findUnopenableSecrets(context);
    if (!found) return ok("all open");
    const remedy = "restore the seal key, or `provisioning ai-providers rotate` each";
    return { status: "failed", detail: found.detail, remedy };
  },

  async "provisioning keys"(context) {
    const { items } = await context.records.list("keys");
    const now = context.clock.now();
    const keys = await Promise.all(items.map((item) => withCurrentState(context, item)));
    const active = keys.filter((key) => keyStatus(key, now) === "active");
    if (active.length === 0) {
      return { status: "warning", detail: "none is active", remedy: "`agent-keys create` makes one" };
    }
    const ending = active.find(({ expiresAt }) => expiresAt !== undefined && Date.parse(expiresAt) - now < soonMs);
    if (!ending) return ok(`${active.length} active`);
    const remedy = "`agent-keys create` makes one to take its place";
    return { status: "warning", detail: `"${ending.name}" (${ending.id}) ends at ${ending.expiresAt}`, remedy };
  },

  async revocations({ records }) {
    const { items } = await records.list("revocations");
    const left = items.filter(({ unseen }) => !unseen);
    if (left.length === 0) return ok("none waits");
    const remedy = "see that the provider answers and that its master key may revoke keys; it is tried again by itself";
    return { status: "warning", detail: `${left.length} minted keys wait for it: ${left[0]!.lastError}`, remedy };
  },

  async webhooks(context) {
    const all = await allWebhooks(context);
    const [closed] = await unopenableSettings(context, all);
    if (closed) {
      const detail = `no seal key opens the secret of ${new URL(closed.url).host} in gateway.provisioning.webhooks`;
      return { status: "warning", detail, remedy: "put the seal key back, or seal the secret anew with `seal`" };
    }
    const off = all.find(({ disabledReason }) => disabledReason !== undefined && disabledReason !== "operator");
    if (!off) return ok(`${all.length} set up`);
    const detail = `${off.id} (${new URL(off.url).host}) was switched off: ${off.disabledReason}`;
    return { status: "warning", detail, remedy: `mend its receiver, then \`webhooks enable ${off.id}\`` };
  },

  async prices({ prices, clock }) {
    const { asOf } = await prices.reload();
    return priceAge(asOf, clock.now(), "install a newer release, or `prices set` what has changed");
  },
};

/**
 * The faults that a deployment can have wherever it runs. `doctor` finds those of its files and settings, on its
 * machine.
 */
export async function examine(context: Context, caller: Caller): Promise<DoctorReport> {
  const checks = await Promise.all(
    Object.entries(looks).map(async ([name, look]): Promise<DoctorCheck> => {
      try {
        return { name, ...(await look(context, caller)) };
      } catch (error) {
        // A check that cannot even be made is one that failed.
        if (!isProblem(error)) context.log("error", "a check of the deployment failed", { check: name, cause: error });
        return { name, status: "failed", detail: isProblem(error) ? error.message : "unexpected failure; see the log" };
      }
    }),
  );
  return { ok: checks.every(({ status }) => status !== "failed"), checks };
}
