import type { Command } from "commander";
import type { Client } from "../../client/client.ts";
import { ClientError } from "../../client/client-error.ts";
import { reservedAgentId } from "../../domain/agent-id.ts";
import { mapLimited } from "../../domain/map-limited.ts";
import type { AdoptAgent, AgentAdopted, AgentReleased } from "../../schema/adopt-agent.ts";
import { refused, wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { expiry, label } from "../option-values.ts";
import { describeLabels, grouped, type Output, shortTime } from "../output.ts";
import { type ConfinementOptions, confinementOf, withConfinement } from "./agent-options.ts";
import { type AiKeyOptions, aiKeyDetails, aiKeyOf, withAiKey } from "./ai-key-options.ts";

/** A gateway takes up in one write all that arrives together. */
export const atOnce = 25;

interface Options extends AiKeyOptions, ConfinementOptions {
  all?: true;
  dryRun?: true;
  model?: string;
  label?: Record<string, string>;
  expires?: string;
  json?: true;
}

interface Failure {
  agentId: string;
  code: string;
  detail: string;
}

/** Every agent that others made; OpenClaw's own default agent is adopted by its name alone. */
async function othersAgents(client: Client): Promise<string[]> {
  const ids: string[] = [];
  for await (const { agentId, managed } of client.agents.all()) {
    if (!managed && agentId !== reservedAgentId) ids.push(agentId);
  }
  return ids;
}

/** Each is done or refused by itself. */
async function each<T>(
  ids: readonly string[],
  work: (id: string) => Promise<T>,
): Promise<{ done: T[]; failed: Failure[] }> {
  const failed: Failure[] = [];
  const done = await mapLimited([...new Set(ids)], atOnce, async (agentId) => {
    try {
      return await work(agentId);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      failed.push({ agentId, code: error.code, detail: error.detail });
      return undefined;
    }
  });
  return { done: done.filter((one) => one !== undefined), failed };
}

function printAdopted(out: Output, { agentId, aiKey, changes = [], dryRun, ...agent }: AgentAdopted): void {
  out.title(`Agent ${agentId} ${dryRun ? "would be adopted" : "adopted"}`);
  out.details([
    ["name", agent.name],
    ["model", agent.model],
    ["workspace", agent.workspace],
    ["gateway", agent.gateway],
    ["confinement", agent.confinement],
    ["labels", describeLabels(agent.labels)],
    ["expires", shortTime(agent.expiresAt)],
    ["bindings", agent.bindings.join(", ")],
    ...aiKeyDetails(aiKey),
  ]);
  if (changes.length > 0) {
    out.line();
    out.table(
      ["SETTING", "BEFORE", "AFTER"],
      changes.map(({ setting, before = "", after = "" }) => [setting, before, after]),
    );
  }
  out.line();
  if (aiKey?.key === undefined) return;
  out.line("Save this key now: it is not shown again.");
  out.line();
}

function printFailures(out: Output, failed: readonly Failure[]): void {
  if (failed.length === 0) return;
  out.table(
    ["AGENT", "CODE", "WHY NOT"],
    failed.map(({ agentId, code, detail }) => [agentId, code, detail]),
  );
}

function requireNone(failed: readonly Failure[], what: string): void {
  if (failed.length > 0) throw refused(`${grouped(failed.length)} of the agents ${what}`);
}

/** `agents adopt`: one call an agent. The others go on where one is refused, and the exit code is then 1. */
export function addAdoptAgentsCommand(tree: Tree, group: Command): void {
  leaf<Options, [ids: string[]]>(tree, group, {
    name: "adopt",
    description: "Take over agents that others made: with a record, and if asked with their own AI keys",
    configure: (command) => {
      command
        .argument("[agent-ids...]", "as `agents list` shows them")
        .option("--all", `every agent that others made, except "${reservedAgentId}"`)
        .option("--dry-run", "change nothing, and say what would be changed")
        .option("--model <model>", "its model (default: its own, as its new key's provider calls it)")
        .option("--label <name=value>", "a label, as in tenant=acme (repeatable)", label)
        .option("--expires <when>", "when it is suspended: a time, or a duration such as 30d", expiry);
      withAiKey(command.option("--provision-ai-key <provider>", "give it its own key of this AI provider"));
      withConfinement(command);
    },
    run: async ({ options, out, withClient }, ids) => {
      if (ids.length > 0 === (options.all === true)) throw wrongUsage("give agents' ids, or --all");
      const { model, label: labels, expires: expiresAt, revealAiKey, dryRun } = options;
      const key = { autoProvisionAiKey: aiKeyOf(options), revealAiKey };
      const body: AdoptAgent = { ...key, model, labels, expiresAt, ...confinementOf(options), dryRun };
      const { done, failed } = await withClient("agents", async (client) =>
        each(options.all ? await othersAgents(client) : ids, (id) => client.agents.adopt(id, body)),
      );
      if (options.json) out.json({ adopted: done, failed });
      else if (done.length + failed.length === 0) out.line("There are no agents of others.");
      else {
        for (const adopted of done) printAdopted(out, adopted);
        printFailures(out, failed);
      }
      requireNone(failed, dryRun ? "would be refused" : "were not adopted");
    },
  });
}

/**
 * `agents release`: one call an agent. The exit code is 1 where any was not released, and a warning names each minted
 * key that is still to be revoked.
 */
export function addReleaseAgentsCommand(tree: Tree, group: Command): void {
  leaf<{ json?: true }, [ids: string[]]>(tree, group, {
    name: "release",
    description: "Give adopted agents back exactly as they were, and end their AI keys",
    configure: (command) => command.argument("<agent-ids...>", "as `agents list` shows them"),
    run: async ({ options, out, withClient }, ids) => {
      const { done, failed } = await withClient("agents", (client) =>
        each<AgentReleased>(ids, (id) => client.agents.release(id)),
      );
      if (options.json) out.json({ released: done, failed });
      else {
        for (const { agentId, preserved } of done) {
          out.line(`Agent ${agentId} is released, and has the entry and the keys that it had.`);
          if (preserved.includes("aiKey"))
            out.notice(`warning: the AI key of ${agentId} is still to be revoked at its provider; that is tried again`);
        }
        printFailures(out, failed);
      }
      requireNone(failed, "were not released");
    },
  });
}
