import type { Command } from "commander";
import type { Client } from "../../client/client.ts";
import { bulkBatch } from "../../domain/bulk-batch.ts";
import { type BulkAction, type BulkChange, type BulkChanged, bulkActions } from "../../schema/bulk.ts";
import type { QuotaName } from "../../schema/quota.ts";
import { refused, wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { expiryOrNever, graceSeconds, labelChange, quotaLimitOrNone } from "../option-values.ts";
import { grouped, type Output } from "../output.ts";
import { type FilterOptions, filterOf, readAgents, withFilter } from "./agent-filter.ts";
import { quotaChangeOf, withQuotas } from "./agent-options.ts";

type BulkOptions = FilterOptions &
  Partial<Record<QuotaName, number | "none">> & {
    all?: true;
    dryRun?: true;
    setModel?: string;
    setLabel?: Record<string, string | null>;
    expires?: string;
    deleteWorkspace?: true;
    deleteSessions?: true;
    grace?: number;
  };

const past: Record<BulkAction, string> = {
  suspend: "suspended",
  resume: "resumed",
  update: "updated",
  delete: "deleted",
  rotate: "given new AI keys",
};

function changeOf(action: BulkAction, options: BulkOptions): Omit<BulkChange, "agentIds"> {
  const { setModel: model, setLabel: labels, expires, deleteWorkspace, deleteSessions, dryRun } = options;
  const expiresAt = expires === "never" ? null : expires;
  const fields = { model, quotas: quotaChangeOf(options), labels, expiresAt };
  return { action, ...fields, deleteWorkspace, deleteSessions, graceSeconds: options.grace, dryRun };
}

async function chosenIds(client: Client, ids: string[], { all, ...options }: BulkOptions): Promise<string[]> {
  const filter = filterOf(options);
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  if (ids.length > 0) {
    if (isFiltered || all) throw wrongUsage("name the agents, or choose them by a filter, not both");
    return [...new Set(ids)];
  }
  if (!isFiltered && !all)
    throw wrongUsage("which agents: name them, give a filter such as --label tenant=acme, or --all");
  // Those that others made are nobody's to change here.
  const { agents } = await readAgents(client, Number.POSITIVE_INFINITY, { ...filter, sort: "agentId" });
  return agents.map(({ agentId }) => agentId);
}

/** @param done gets each batch as it is answered */
async function inBatches(client: Client, ids: string[], change: Omit<BulkChange, "agentIds">, done: BulkChanged[]) {
  for (let from = 0; from < ids.length; from += bulkBatch) {
    done.push(await client.agents.bulk({ ...change, agentIds: ids.slice(from, from + bulkBatch) }));
  }
}

const together = (batches: readonly BulkChanged[], dryRun: true | undefined) => ({
  batchIds: batches.map(({ batchId }) => batchId),
  ...(dryRun && { dryRun }),
  succeeded: batches.flatMap(({ succeeded }) => succeeded),
  failed: batches.flatMap(({ failed }) => failed),
});

function print(out: Output, action: BulkAction, { dryRun, succeeded, failed }: Omit<BulkChanged, "batchId">): void {
  const count = succeeded.length === 1 ? "1 agent" : `${grouped(succeeded.length)} agents`;
  out.line(`${count} ${dryRun ? "would be" : succeeded.length === 1 ? "is" : "are"} ${past[action]}.`);
  if (failed.length === 0) return;
  out.line();
  out.table(
    ["AGENT", "CODE", "WHY NOT"],
    failed.map(({ agentId, code, detail }) => [agentId, code, detail]),
  );
}

/**
 * `agents bulk`: ids or a filter are resolved first and sent in batches, which a refusal of some does not stop; the
 * exit code is then 1.
 */
export function addBulkAgentsCommand(tree: Tree, group: Command): void {
  leaf<BulkOptions, [action: string, ids: string[]]>(tree, group, {
    name: "bulk",
    description: "Change many agents: those that are named, or that match a filter",
    configure: (command) => {
      command.argument("<action>", bulkActions.join(", ")).argument("[agent-ids...]", "as `agents list` shows them");
      withFilter(command)
        .option("--all", "every agent that this service made")
        .option("--dry-run", "change nothing, and say whose change would be refused")
        .option("--set-model <model>", "update: their model")
        .option("--set-label <name=value>", "update: a label; tenant= removes it (repeatable)", labelChange)
        .option("--expires <when>", "update: when they are suspended: a time, 30d, or never", expiryOrNever)
        .option("--delete-workspace", "delete: their workspaces too, where those were made for them")
        .option("--delete-sessions", "delete: their sessions too")
        .option("--grace <duration>", "rotate: how long the old keys still work (default: 1h)", graceSeconds);
      withQuotas(command, "update: a limit of their AI keys, or none", quotaLimitOrNone);
    },
    run: async ({ options, out, withClient }, name, ids) => {
      const action = bulkActions.find((one) => one === name);
      if (action === undefined) throw wrongUsage(`the action must be one of ${bulkActions.join(", ")}`);
      const change = changeOf(action, options);
      const { dryRun } = options;
      const batches: BulkChanged[] = [];
      const tell = () => {
        if (options.json) out.json(together(batches, dryRun));
        else if (batches.length === 0) out.line("No agents match.");
        else print(out, action, together(batches, dryRun));
      };
      try {
        await withClient("agents", async (client) =>
          inBatches(client, await chosenIds(client, ids, options), change, batches),
        );
      } catch (error) {
        // The output names the agents that are changed, though a later call fails.
        if (batches.length > 0) tell();
        throw error;
      }
      tell();
      const { failed } = together(batches, dryRun);
      if (failed.length > 0) {
        throw refused(`${grouped(failed.length)} of the agents ${dryRun ? "would be" : "were"} refused`);
      }
    },
  });
}
