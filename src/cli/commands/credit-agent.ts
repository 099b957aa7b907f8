import type { Command } from "commander";
import { wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { pastTime } from "../option-values.ts";
import { grouped } from "../output.ts";
import { quotaHeader, quotaRows } from "../quota-text.ts";

/**
 * `agents credit`: tokens and USD go back to the counters of this month and the last, and the exact part of the use
 * stays.
 */
export function addCreditAgentCommand(tree: Tree, group: Command): void {
  leaf<{ estimates?: true; since?: string }, [id: string]>(tree, group, {
    name: "credit",
    description: "Give back tokens that were charged by estimate, as after an outage of the provider",
    configure: (command) =>
      command
        .argument("<agent-id>", "as `agents list` shows it")
        .option("--estimates", "all that the provider has not confirmed (see `agents usage`)")
        .option("--since <time>", "only from then on: an ISO time, or a duration ago such as 2h", pastTime),
    run: async ({ options, out, withClient }, id) => {
      if (!options.estimates) throw wrongUsage("nothing to give back: give --estimates");
      const done = await withClient("agents", (client) =>
        client.agents.credit(id, { estimates: true, ...(options.since !== undefined && { since: options.since }) }),
      );
      if (options.json) return out.json(done);
      out.line(`${grouped(done.credited.tokens)} estimated tokens of agent ${done.agentId} are given back.`);
      const rows = quotaRows(done.quotas);
      if (rows.length === 0) return;
      out.line();
      out.table(quotaHeader, rows);
    },
  });
}
