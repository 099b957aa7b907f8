import type { Command } from "commander";
import { dollars } from "../../domain/micro-usd.ts";
import { leaf, type Tree } from "../leaf.ts";
import { dayInUtc } from "../option-values.ts";
import { grouped } from "../output.ts";
import { quotaHeader, quotaRows } from "../quota-text.ts";

/**
 * `agents usage`: one agent's tokens, requests and USD by day and model, what of it is an estimate, and its quotas as
 * they are now.
 */
export function addAgentUsageCommand(tree: Tree, group: Command): void {
  leaf<{ from?: string; to?: string }, [id: string]>(tree, group, {
    name: "usage",
    description: "Show an agent's tokens and requests, and what its quotas leave",
    configure: (command) =>
      command
        .argument("<agent-id>", "as `agents list` shows it")
        .option("--from <day>", "the first day in UTC, as in 2026-11-01", dayInUtc)
        .option("--to <day>", "the last day in UTC", dayInUtc),
    run: async ({ options, out, withClient }, id) => {
      const usage = await withClient("agents", (client) =>
        client.agents.usage(id, { from: options.from, to: options.to }),
      );
      if (options.json) return out.json(usage);
      const { total, days, quotas } = usage;
      out.title(`${usage.agentId}, ${usage.from} to ${usage.to}`);
      out.line(`${grouped(total.tokens)} tokens in ${grouped(total.requests)} requests, ${dollars(total.usd)}`);
      if (total.unpricedRequests > 0) {
        out.line(
          `${grouped(total.unpricedRequests)} requests had no known price and are not in it; \`prices set\` gives their models one`,
        );
      }
      const estimates = total.estimated > 0;
      if (estimates) {
        out.line(
          `${grouped(total.estimated)} of them are estimates, which the provider has not confirmed; \`agents credit ${id} --estimates\` gives them back`,
        );
      }
      if (days.length > 0) {
        out.line();
        out.table(
          [
            "DAY",
            "MODEL",
            "REQUESTS",
            "INPUT",
            "CACHED",
            "OUTPUT",
            "TOKENS",
            "USD",
            ...(estimates ? ["ESTIMATED"] : []),
          ],
          days.flatMap((day) =>
            day.models.map((use) => [
              day.day,
              use.model,
              grouped(use.requests),
              grouped(use.inputTokens),
              grouped(use.cacheReadTokens),
              grouped(use.outputTokens),
              grouped(use.tokens),
              dollars(use.usd),
              ...(estimates ? [grouped(use.estimated)] : []),
            ]),
          ),
        );
      }
      const rows = quotaRows(quotas);
      if (rows.length === 0) return;
      out.line();
      out.table(quotaHeader, rows);
    },
  });
}
