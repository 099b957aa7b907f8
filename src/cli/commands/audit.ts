import { type Command, Option } from "commander";
import { type AuditFilter, auditOutcomes, auditPhases } from "../../domain/audit-event.ts";
import type { AuditRecord } from "../../schema/audit-event.ts";
import type { CliEnvironment } from "../environment.ts";
import { refused, wrongUsage } from "../failure.ts";
import { whyUnread } from "../given-file.ts";
import { leaf, type Tree } from "../leaf.ts";
import { amount, count, dayInUtc } from "../option-values.ts";
import { grouped, shortTime } from "../output.ts";
import { printable } from "../table.ts";

const pageSize = 100;

const details = (event: AuditRecord) =>
  Object.entries(event.details ?? {})
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(",") : value}`)
    .join(" ");

/** On stderr, one line that is written over: stdout has the verdict. */
function progress(cli: CliEnvironment): (file: string, share: number) => void {
  let shown = "";
  return (file, share) => {
    const text = `${file} ${Math.floor(share * 100)} %`;
    if (text === shown) return;
    shown = text;
    cli.writeError(`\r\u001b[K${share < 1 ? printable(text) : ""}`);
  };
}

async function verifyFiles(
  cli: CliEnvironment,
  files: readonly string[],
  url: string | undefined,
  since: number | undefined,
  onProgress: ReturnType<typeof progress> | undefined,
) {
  if (since !== undefined) throw wrongUsage("files are verified whole: leave --since out");
  if (url !== undefined) throw wrongUsage("files are verified on this machine, not with --url");
  if (!cli.verifyAuditFiles) throw wrongUsage("this program cannot read files");
  try {
    return await cli.verifyAuditFiles(files, onProgress);
  } catch (error) {
    const { path } = error as { path?: unknown };
    throw typeof path === "string" ? wrongUsage(`audit verify: ${whyUnread(path, error)}`) : error;
  }
}

/**
 * `audit tail|verify|rotate`, with an operator's credentials. `verify` ends with exit code 1 and the line of the first
 * fault where the chain is broken.
 */
export function addAuditCommands(tree: Tree, parent: Command): void {
  const group = parent.command("audit").description("The audit trail");
  leaf<{ limit: number } & AuditFilter>(tree, group, {
    name: "tail",
    description: "Show the newest events, the newest last",
    configure: (command) =>
      command
        .option("-n, --limit <number>", "how many", count, 20)
        .option("--action <action>", "only this action, as in agent.create")
        .option("--actor <actor>", "only of this provisioning key, or of admin, cli, token")
        .option("--target <id>", "only on this agent or key")
        .addOption(new Option("--phase <phase>", "only such lines").choices(auditPhases))
        .addOption(new Option("--outcome <outcome>", "only what ended so").choices(auditOutcomes))
        .option("--from <day>", "from this day on, in UTC, as in 2026-11-01", dayInUtc)
        .option("--to <day>", "to this day, in UTC", dayInUtc),
    run: async ({ options, out, withClient }) => {
      const { limit, action, actor, target, phase, outcome, from, to } = options;
      const filter = { action, actor, target, phase, outcome, from, to };
      const newest: AuditRecord[] = [];
      await withClient("operator", async (client) => {
        for await (const page of client.audit.pages({ limit: Math.min(limit, pageSize), ...filter })) {
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
  leaf<{ since?: number }, [string[]]>(tree, group, {
    name: "verify",
    description: "Check that no event was changed, removed or cut off",
    configure: (command) =>
      command
        .argument("[files...]", "parts of a trail that were moved away, in order, in place of the deployment's own")
        .option("--since <number>", "step over closed parts that end before this event", amount),
    run: async ({ cli, options, out, withClient }, files) => {
      const { since, url } = options;
      const onProgress = cli.isTerminal ? progress(cli) : undefined;
      const verdict = await (files.length > 0
        ? verifyFiles(cli, files, url, since, onProgress)
        : withClient("operator", (client, { verifyAudit }) =>
            verifyAudit ? verifyAudit({ since, onProgress }) : client.audit.verify({ since }),
          ));
      if (options.json) out.json(verdict);
      if (!verdict.ok) {
        const { line, reason, file, remedy } = verdict.fault ?? { line: 0, reason: "no reason given" };
        const place = `at line ${line}${file === undefined ? "" : ` of ${file}`}`;
        throw refused(`the audit trail is broken ${place}: ${reason}${remedy === undefined ? "" : `; ${remedy}`}`);
      }
      if (options.json) return;
      out.line(`The audit trail is whole: ${grouped(verdict.events)} events.`);
      if (verdict.movedAway) out.line(`Moved away, and stepped over: ${verdict.movedAway.join(", ")}.`);
    },
  });
  leaf(tree, group, {
    name: "rotate",
    description: "Close the trail's file as a part of its own, which may be moved away; the chain goes on",
    run: async ({ options, out, withClient }) => {
      const closed = await withClient("operator", (client) => client.audit.rotate());
      if (options.json) return out.json(closed);
      if (closed.file === undefined) return out.line("Nothing was written since the last rotation.");
      out.line(`Closed ${closed.file}: ${grouped(closed.events)} events. The trail goes on in audit.jsonl.`);
    },
  });
}
