import type { Command } from "commander";
import { type Client, ClientError } from "../../client/client.ts";
import type { AuditRecord } from "../../domain/audit-event.ts";
import { shownJson } from "../../domain/hidden-characters.ts";
import { wait } from "../../domain/retry.ts";
import { type ActivityEvent, type AlertEvent, type EventType, eventTypes } from "../../schema/event.ts";
import type { CliEnvironment } from "../environment.ts";
import { describeFailure, wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { commaList } from "../option-values.ts";
import { grouped, type Output, shortTime } from "../output.ts";

const shownWithoutFollow = 20;
/** Between a stream that has ended and the next. */
const againMs = 2_000;

interface Options {
  follow?: true;
  types?: string[];
  json?: true;
}

function typesOf(given: string[] | undefined): EventType[] | undefined {
  const unknown = given?.find((type) => !(eventTypes as readonly string[]).includes(type));
  if (unknown !== undefined) throw wrongUsage(`--types: "${unknown}" is none; those are ${eventTypes.join(", ")}`);
  return given as EventType[] | undefined;
}

/** One line an event, for people. */
function lineOf(event: string, data: unknown): string | undefined {
  switch (event) {
    case "audit": {
      const { seq, time, action, actor, target, phase, outcome } = data as AuditRecord;
      return [`#${seq}`, shortTime(time), action, target, `by ${actor}`, outcome ?? phase].filter(Boolean).join("  ");
    }
    case "alert": {
      const { type, timestamp, data: about } = data as AlertEvent;
      return [shortTime(timestamp), `alert ${type}`, JSON.stringify(about)].join("  ");
    }
    case "activity": {
      const { at, requests, tokens, denied, agents } = data as ActivityEvent;
      if (requests === 0 && denied === 0) return undefined;
      const busiest = agents.map(({ agentId, tokens: spent }) => `${agentId} ${grouped(spent)}`).slice(0, 3);
      const sums = `${grouped(requests)} requests, ${grouped(tokens)} tokens, ${grouped(denied)} denied`;
      return [shortTime(at), "activity", sums, busiest.join(", ")].filter(Boolean).join("  ");
    }
    default:
      return undefined;
  }
}

/** As while a service restarts. */
const isPassing = (error: unknown): boolean =>
  error instanceof ClientError &&
  (error.code === "network_error" || error.code === "timeout" || error.status === 429 || error.status >= 500);

/** The newest events of the trail, and what else is told until the first look is over; with `follow`, for good. */
async function show(client: Client, cli: CliEnvironment, out: Output, options: Options): Promise<void> {
  const wanted = typesOf(options.types);
  // An activity comes with each look, and so tells when the first is over.
  const types = wanted && !options.follow ? [...new Set<EventType>([...wanted, "activity"])] : wanted;
  // A stream that ends before its first event would lose what comes until the next.
  let lastEventId = options.follow
    ? await beginning(client, wanted, 0).catch(() => undefined)
    : await beginning(client, wanted, shownWithoutFollow);
  let hasBegun = false;
  for (;;) {
    try {
      for await (const { id, event, data } of client.events({ types }, { lastEventId })) {
        hasBegun = true;
        lastEventId = id ?? lastEventId;
        const isWanted = wanted === undefined || wanted.includes(event as EventType);
        const line = lineOf(event, data);
        if (isWanted && options.json) cli.write(`${shownJson(JSON.stringify({ event, data }))}\n`);
        else if (isWanted && line !== undefined) out.line(line);
        if (!options.follow && event === "activity") return;
      }
    } catch (error) {
      if (!hasBegun || !options.follow || !isPassing(error)) throw error;
      out.notice(`${describeFailure(error)}; trying again`);
    }
    if (!options.follow) return;
    await wait(againMs);
  }
}

/** @returns the position before the last events of the trail, as many as are given */
async function beginning(client: Client, types: EventType[] | undefined, events: number): Promise<string | undefined> {
  if (types !== undefined && !types.includes("audit")) return undefined;
  const [newest] = (await client.audit.list({ limit: 1 })).events;
  return newest && String(Math.max(0, newest.seq - events));
}

/** `events`: the newest events and the end, or with `--follow` a stream that is resumed where it broke off. */
export function addEventsCommand(tree: Tree, parent: Command): void {
  leaf<Options>(tree, parent, {
    name: "events",
    description: "Show what happened last; with --follow, what happens, until you stop it",
    json: "print each event as JSON, on a line of its own",
    configure: (command) =>
      command
        .option("-f, --follow", "go on, also when the service restarts its stream")
        .option("--types <types>", `which, of ${eventTypes.join(", ")}`, commaList),
    run: async ({ cli, options, out, withClient }) => {
      await withClient("operator", (client) => show(client, cli, out, options));
    },
  });
}
