import type { Command } from "commander";
import { leaf, type Tree } from "../leaf.ts";
import { count } from "../option-values.ts";
import { describeLabels, grouped, shortTime } from "../output.ts";
import { type FilterOptions, filterOf, readAgents, withFilter } from "./agent-filter.ts";

/** `agents list`: pages are read until `--limit`. Gateways that did not answer are named on stderr. */
export function addListAgentsCommand(tree: Tree, group: Command): void {
  leaf<{ limit?: number } & FilterOptions>(tree, group, {
    name: "list",
    description: "List agents; with a filter or an order, those that this service made",
    configure: (command) => {
      withFilter(command.option("--limit <number>", "at most this many", count)).option(
        "--sort <field>",
        "agentId, name, createdAt, updatedAt or expiresAt, descending with a leading - (--sort=-createdAt); -share, -tokens, -usd",
      );
    },
    run: async ({ options, out, withClient }) => {
      const filter = filterOf(options);
      const found = await withClient("agents", (client) =>
        readAgents(client, options.limit ?? Number.POSITIVE_INFINITY, filter),
      );
      if (options.json) return out.json(found);
      const isSearch = Object.values(filter).some((value) => value !== undefined);
      if (found.agents.length === 0) {
        out.line(isSearch ? "No agents match." : "No agents. `agents create` makes one.");
      } else {
        out.table(
          [
            "ID",
            "NAME",
            "STATUS",
            "MODEL",
            "LABELS",
            "CONFINEMENT",
            "BINDINGS",
            "GATEWAY",
            "WORKSPACE",
            "EXPIRES",
            "CREATED",
          ],
          found.agents.map((agent) => [
            agent.agentId,
            agent.name,
            agent.status,
            agent.model ?? "",
            describeLabels(agent.labels) ?? "",
            agent.confinement ?? "",
            agent.bindings.join(","),
            agent.gateway ?? "",
            agent.workspace ?? "",
            shortTime(agent.expiresAt) ?? "",
            shortTime(agent.createdAt) ?? "",
          ]),
        );
        if (found.total !== undefined && found.total > found.agents.length) {
          out.notice(`${grouped(found.agents.length)} of ${grouped(found.total)} that match`);
        }
      }
      if (found.unreachable !== undefined) {
        out.notice(`warning: no answer from ${found.unreachable.join(", ")}: agents there are listed from records`);
      }
    },
  });
}
