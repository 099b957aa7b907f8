import type { Command } from "commander";
import type { AuditFilter, AuditRecord } from "../../schema/audit-event.ts";
import { refused } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { amount } from "../option-values.ts";
import { grouped, shortTime } from "../output.ts";

const pageSize = 100;

const details = (event: AuditRecord) =>
  Object.entries(event.details ?? {})
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(",") : value}`)
    .join(" ");

export function addAuditCommands(tree: Tree, parent: Command): void {
  const group = parent.command("audit").description("The audit trail");
  leaf<{ limit: number } & AuditFilter>(tree, group, {
    name: "tail",
    description: "Show the newest events, the newest last",
    configure: (command) =>
      command
        .option("-n, --limit <number>", "how many", amount, 20)
        .option("--action <action>", "only this action, as in agent.create")
        .option("--actor <actor>", "only of this provisioning key, or of admin, cli, token")
        .option("--target <id>", "only on this agent or key"),
    run: async ({ options, out, withClient }) => {
      const { limit, action, actor, target } = options;
      const newest: AuditRecord[] = [];
      await withClient("operator", async (client) => {
        if (limit === 0) return;
        for await (const page of client.audit.pages({ limit: Math.min(limit, pageSize), action, actor, target })) {
          newest.push(...page.events);
          if (newest.length >= limit) return;
        }
      });
      const events = newest.slice(0, limit).reverse();
      if (options.json) return out.json({ events });
      if (events.length === 0) return out.line("No events.");
      out.table(
        ["SEQ", "TIME", "ACTOR", "ACTION", "PHASE", "OUTCOME", "TARGET", "DETAILS"],
        events.map((event) => [
          `${event.seq}`,
          shortTime(event.time) ?? "",
          event.actor,
          event.action,
          event.phase,
          event.outcome ?? "",
          event.target ?? "",
          details(event),
        ]),
      );
    },
  });
  leaf(tree, group, {
    name: "verify",
    description: "Check that no event was changed, removed or cut off",
    run: async ({ options, out, withClient }) => {
      const verdict = await withClient("operator", (client) => client.audit.verify());
      if (options.json) out.json(verdict);
      if (!verdict.ok) {
        const { line, reason } = verdict.fault ?? { line: 0, reason: "no reason given" };
        throw refused(`the audit trail is broken at line ${line}: ${reason}`);
      }
      if (!options.json) out.line(`The audit trail is whole: ${grouped(verdict.events)} events.`);
    },
  });
}
