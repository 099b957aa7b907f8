import type { Command } from "commander";
import { toCsv } from "../../domain/csv.ts";
import { dollars } from "../../domain/micro-usd.ts";
import { type FleetUsage, usageColumns, usageGroups, usageGroupsText, usageOrders } from "../../schema/fleet-usage.ts";
import { wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { oneOf } from "../one-of.ts";
import { count, dayInUtc, label } from "../option-values.ts";
import { grouped } from "../output.ts";
import { quotaAmount } from "../quota-text.ts";
import { labelQuery } from "./agent-filter.ts";

const pageSize = 1_000;

interface UsageOptions {
  by?: string;
  from?: string;
  to?: string;
  label?: Record<string, string>;
  orderBy?: string;
  limit?: number;
  csv?: true;
}

/** As the API would have it in one page. */
function inOrder(rows: FleetUsage["rows"], orderBy: (typeof usageOrders)[number] | undefined, by: string | undefined) {
  const order = orderBy ?? (by === "day" ? "key" : "usd");
  return order === "key" ? rows : rows.toSorted((a, b) => b[order] - a[order] || (a.key < b.key ? -1 : 1));
}

/** Spending over all agents. */
export function addFleetUsageCommands(tree: Tree, group: Command): void {
  leaf<UsageOptions>(tree, group, {
    name: "usage",
    description: "Show usage across agents, in tokens and USD",
    configure: (command) =>
      command
        .option("--by <group>", "agent, model, provider, day, createdBy or label:<name> (default: agent)")
        .option("--from <day>", "the first day in UTC, as in 2026-11-01 (default: of this month)", dayInUtc)
        .option("--to <day>", "the last day in UTC (default: today)", dayInUtc)
        .option("--label <name=value>", "only of agents with this label (repeatable: all must match)", label)
        .option("--order-by <field>", `${usageOrders.join(", ")} (default: usd, and key by day)`)
        .option("--limit <number>", "at most this many rows", count)
        .option("--csv", "print the rows as CSV"),
    run: async ({ options, out, withClient }) => {
      const { by, from, to } = options;
      if (by !== undefined && !usageGroups.test(by)) throw wrongUsage(`--by ${usageGroupsText}`);
      const orderBy = oneOf("--order-by", options.orderBy, usageOrders);
      const most = options.limit ?? Number.POSITIVE_INFINITY;
      // Amounts grow while the pages are read: in the order of keys no row is missed.
      const pagedBy = options.limit === undefined ? "key" : orderBy;
      const usage = await withClient("agents", async (client): Promise<FleetUsage> => {
        const rows: FleetUsage["rows"] = [];
        let cursor: string | undefined;
        for (;;) {
          const limit = Math.min(pageSize, most - rows.length);
          const { nextCursor, ...page } = await client.usage({
            by,
            from,
            to,
            label: labelQuery(options.label),
            orderBy: pagedBy,
            limit,
            cursor,
          });
          rows.push(...page.rows);
          if (nextCursor === undefined || rows.length >= most) return { ...page, rows: inOrder(rows, orderBy, by) };
          cursor = nextCursor;
        }
      });
      if (options.json) return out.json(usage);
      if (options.csv) return out.raw(toCsv(usageColumns, usage.rows));
      out.title(`${usage.from} to ${usage.to}, by ${usage.by}`);
      const { total } = usage;
      out.line(
        `${grouped(total.tokens)} tokens in ${grouped(total.requests)} requests, ${dollars(total.usd)} at list price`,
      );
      if (total.unpricedRequests > 0) {
        out.line(`${grouped(total.unpricedRequests)} requests had no known price and are not in it`);
      }
      if (usage.rows.length === 0) return;
      out.line();
      out.table(
        ["KEY", "NAME", "REQUESTS", "INPUT", "CACHED", "OUTPUT", "TOKENS", "USD"],
        usage.rows.map((row) => [
          row.key,
          row.name ?? "",
          grouped(row.requests),
          grouped(row.inputTokens),
          grouped(row.cacheReadTokens),
          grouped(row.outputTokens),
          grouped(row.tokens),
          dollars(row.usd),
        ]),
      );
    },
  });

  leaf<{ days?: number }>(tree, group, {
    name: "overview",
    description: "Show agents, spending and what needs attention",
    configure: (command) => command.option("--days <number>", "how many days of use (default: 30)", count),
    run: async ({ options, out, withClient }) => {
      const overview = await withClient("agents", (client) => client.overview({ days: options.days }));
      if (options.json) return out.json(overview);
      const { agents, today, month, nearLimit, top, attention } = overview;
      out.details([
        [
          "agents",
          `${grouped(agents.total)}: ${agents.ready} ready, ${agents.suspended} suspended, ${agents.needsAuth} without a key`,
        ],
        ["today", `${grouped(today.tokens)} tokens in ${grouped(today.requests)} requests, ${dollars(today.usd)}`],
        ["this month", `${grouped(month.tokens)} tokens in ${grouped(month.requests)} requests, ${dollars(month.usd)}`],
        ["going on so", `${grouped(month.projectedTokens)} tokens, ${dollars(month.projectedUsd)} by its end`],
      ]);
      if (attention.length > 0) {
        out.line();
        for (const { severity, text, remedy } of attention) out.line(`${severity}: ${text}; ${remedy}`);
      }
      if (nearLimit.length > 0) {
        out.line();
        out.table(
          ["AGENT", "QUOTA", "SHARE", "LIMIT", "LEFT"],
          nearLimit.map(({ agentId, quota, share, state }) => [
            agentId,
            quota,
            `${Math.floor(share * 100)} %`,
            quotaAmount(quota, state.limit),
            quotaAmount(quota, state.left),
          ]),
        );
      }
      if (top.length > 0) {
        out.line();
        out.table(
          ["AGENT", "REQUESTS", "TOKENS", "USD"],
          top.map((one) => [one.agentId, grouped(one.requests), grouped(one.tokens), dollars(one.usd)]),
        );
      }
    },
  });
}
