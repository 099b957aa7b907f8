import type { Command } from "commander";
import type { Client } from "../../client/client.ts";
import { ClientError, unknownRoute } from "../../client/client-error.ts";
import { gatewaysFinding } from "../../domain/gateway-cost.ts";
import { priceAge } from "../../domain/price-age.ts";
import { type DoctorCheck, type DoctorReport, doctorReport } from "../doctor-report.ts";
import { describeFailure, refused, wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { grouped } from "../output.ts";

type Finding = Omit<DoctorCheck, "name">;

/** @param look finds nothing where the deployment's release has no such thing */
async function examine(name: string, look: () => Promise<Finding | undefined>): Promise<DoctorCheck[]> {
  try {
    const finding = await look();
    return finding ? [{ name, ...finding }] : [];
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    return [{ name, status: "failed", detail: describeFailure(error) }];
  }
}

/** An earlier release has no doctor behind its API. */
const examineRemotely = async (client: Client): Promise<DoctorReport> =>
  (await client.doctor().catch(unknownRoute)) ?? (await examineByItsLists(client));

/** The findings about a deployment that the rest of its API shows. */
async function examineByItsLists(client: Client): Promise<DoctorReport> {
  const agents = examine("agents", async () => {
    let count = 0;
    const failed: string[] = [];
    const unreachable = new Set<string>();
    for await (const page of client.agents.pages({ limit: 100 })) {
      count += page.agents.length;
      for (const agent of page.agents) if (agent.status === "failed") failed.push(agent.agentId);
      for (const gateway of page.unreachable ?? []) unreachable.add(gateway);
    }
    if (unreachable.size > 0) {
      return {
        status: "failed",
        detail: `no answer from ${[...unreachable].join(", ")}`,
        remedy: "start those gateways, or correct their entries under gateway.provisioning.host.gateways",
      };
    }
    if (failed.length > 0) {
      const remedy = "`agents get <agent-id>` says what is missing";
      return { status: "failed", detail: `failed: ${failed.join(", ")}`, remedy };
    }
    return { status: "ok", detail: grouped(count) };
  });
  const gateways = examine("gateways", async () => {
    const list = await client.gateways.list().catch(unknownRoute);
    return list && gatewaysFinding(list.gateways);
  });
  const audit = examine("audit trail", async () => {
    const { ok, events, fault } = await client.audit.verify();
    if (ok) return { status: "ok", detail: `${grouped(events)} events` };
    return { status: "failed", detail: `broken at line ${fault?.line}: ${fault?.reason}` };
  });
  const providers = examine("AI providers", async () => {
    const active = (await client.aiProviders.list()).keys.filter((key) => key.status === "active");
    if (active.length > 0) return { status: "ok", detail: `${active.length} active` };
    return { status: "warning", detail: "none is active", remedy: "`ai-providers add` adds one" };
  });
  const keys = examine("provisioning keys", async () => {
    const active = (await client.agentKeys.list()).keys.filter((key) => key.status === "active");
    if (active.length > 0) return { status: "ok", detail: `${active.length} active` };
    return { status: "warning", detail: "none is active", remedy: "`agent-keys create` makes one" };
  });
  const prices = examine("prices", async () => {
    const list = await client.prices.list({ limit: 1 }).catch(unknownRoute);
    return list && priceAge(list.pricesAsOf, Date.now());
  });
  const checks = await Promise.all([agents, gateways, audit, providers, keys, prices]);
  return doctorReport(checks.flat());
}

/**
 * `doctor`: of this machine's deployment, or by `--url` of another, which then examines itself. The exit code is 1
 * where a check has failed, and 0 with warnings.
 */
export function addDoctorCommand(tree: Tree, parent: Command): void {
  leaf<{ fix?: true }>(tree, parent, {
    name: "doctor",
    description: "Look for what is wrong, and say what mends it",
    configure: (command) => command.option("--fix", "mend what is safe to mend"),
    run: async ({ cli, options, out, withClient }) => {
      const { url, fix = false } = options;
      if (fix && url !== undefined) throw wrongUsage("--fix works on this machine's deployment, not with --url");
      const report = await (url === undefined ? cli.doctor({ fix }) : withClient("operator", examineRemotely));
      if (options.json) out.json(report);
      else {
        out.table(
          ["STATUS", "CHECK", "DETAIL", "REMEDY"],
          report.checks.map((check) => [check.status, check.name, check.detail, check.remedy ?? ""]),
        );
      }
      if (!report.ok) {
        const failed = report.checks.filter((check) => check.status === "failed").map((check) => check.name);
        throw refused(`failed: ${failed.join(", ")}`);
      }
    },
  });
}
