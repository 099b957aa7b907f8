import type { DoctorCheck } from "../../src/cli/doctor-report.ts";
import { nameIn } from "../../src/providers/admin/minter-over.ts";
import type { Context } from "../../src/service/context.ts";
import { maintain } from "../../src/service/maintenance/maintain.ts";

const revocations = "revocations";

/** The work that is left to be settled; with `fix`, the outcome of settling it. */
export async function maintenanceChecks(context: Context, fix: boolean): Promise<DoctorCheck[]> {
  return [...(fix ? await settled(context) : await outstanding(context)), ...(await awaited(context))];
}

async function outstanding(context: Context): Promise<DoctorCheck[]> {
  const { items } = await context.records.list("revocations");
  const refused = items.filter(({ unseen }) => !unseen);
  return [
    ...(await interruptedChecks(context, [], "`doctor --fix`, or the server's next start, settles them")),
    refused.length === 0
      ? { name: revocations, status: "ok", detail: "none outstanding" }
      : {
          name: revocations,
          status: "failed",
          detail: refused.map((item) => `key of agent "${item.agentId}": ${item.lastError}`).join("; "),
          remedy: "`doctor --fix` tries again, and so does a running server",
        },
  ];
}

async function settled(context: Context): Promise<DoctorCheck[]> {
  const { recovered, revocations: tried } = await maintain(context);
  return [
    ...(await interruptedChecks(context, recovered, "the log says what their gateways answer; it is tried again")),
    tried.left > 0
      ? {
          name: revocations,
          status: "failed",
          detail: `${tried.left} still refused`,
          remedy: "see the log, or revoke them at the provider",
        }
      : { name: revocations, status: tried.revoked > 0 ? "fixed" : "ok", detail: `${tried.revoked} done now` },
  ];
}

async function interruptedChecks(
  { ledger, instance }: Context,
  recovered: string[],
  remedy: string,
): Promise<DoctorCheck[]> {
  const name = "interrupted changes";
  const left = await ledger.abandoned(instance.isGone);
  const checks: DoctorCheck[] = [];
  if (recovered.length > 0) checks.push({ name, status: "fixed", detail: recovered.join("; ") });
  if (left.length > 0) {
    checks.push({ name, status: "failed", detail: `${left.length} left by a process that is gone`, remedy });
  }
  return checks.length > 0 ? checks : [{ name, status: "ok", detail: "none" }];
}

/** No key that is known to live, so nothing that failed: one that may turn up, and how a person would tell it. */
async function awaited(context: Context): Promise<DoctorCheck[]> {
  const { items } = await context.records.list("revocations");
  const unseen = items.filter((item) => item.unseen);
  if (unseen.length === 0) return [];
  const each = unseen.map(({ agentId, remoteId }) => `"${nameIn(remoteId) ?? remoteId}" for agent "${agentId}"`);
  return [
    {
      name: revocations,
      status: "warning",
      detail: `the provider never said whether it made a key, and shows none so far: ${each.join("; ")}`,
      remedy:
        "none is needed: a running server, and `doctor --fix`, revoke it should it turn up, and give up after an hour",
    },
  ];
}
