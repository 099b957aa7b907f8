import type { Command } from "commander";
import type { AgentCreated, CreateAgent } from "../../schema/create-agent.ts";
import { type ClientName, clientMismatch, clientNames, environmentOf } from "../client-environment.ts";
import { parseDuration } from "../duration.ts";
import { refused, wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { expiry, expiryText, headerText, label, repeated } from "../option-values.ts";
import { describeLabels, type Output, shortTime } from "../output.ts";
import {
  type ConfinementOptions,
  confinementOf,
  type IdentityOptions,
  identityOf,
  withConfinement,
  withIdentity,
} from "./agent-options.ts";
import { type AiKeyOptions, aiKeyDetails, aiKeyOf, withAiKey } from "./ai-key-options.ts";
import { createAgentsFrom } from "./create-agents-from.ts";

/** The options that go with a file; all else stands in it. */
const withFile = ["from", "dryRun", "revealAiKey", "json", "url"];

interface Options extends IdentityOptions, ConfinementOptions, AiKeyOptions {
  name?: string;
  workspace?: string;
  model?: string;
  bind?: string[];
  skipBootstrap?: true;
  gateway?: string;
  label?: Record<string, string>;
  expires?: string;
  outputKeyOnly?: true;
  printEnv?: string;
  idempotencyKey?: string;
  from?: string;
  dryRun?: true;
  json?: true;
}

function printCreated(out: Output, created: AgentCreated): void {
  const { aiKey, bindings } = created;
  out.title("Agent created");
  out.details([
    ["id", created.agentId],
    ["name", created.name],
    ["status", created.status],
    ["model", created.model],
    ["workspace", created.workspace],
    ["agent directory", created.agentDir],
    ["gateway", created.gateway],
    ["confinement", created.confinement],
    ["labels", describeLabels(created.labels)],
    ["expires", shortTime(created.expiresAt)],
    ["bindings", [...bindings.added, ...bindings.updated, ...bindings.skipped].join(", ")],
    ...aiKeyDetails(aiKey),
  ]);
  if (aiKey?.key === undefined) return;
  out.line();
  out.line("Save this key now: it is not shown again.");
}

/** The client whose environment is asked for. Decided before anything is made: a key is revealed once. */
function clientOf({ printEnv, provisionAiKey, aiKeyMode, outputKeyOnly, json }: Options): ClientName | undefined {
  if (printEnv === undefined) return undefined;
  const client = clientNames.find((name) => name === printEnv);
  if (client === undefined) throw wrongUsage(`--print-env must be one of ${clientNames.join(", ")}`);
  if (json || outputKeyOnly)
    throw wrongUsage("--print-env writes lines for a shell: leave --json and --output-key-only out");
  if (aiKeyMode === "minted") throw wrongUsage("--print-env is for virtual keys: a minted one works at its provider");
  const mismatch = provisionAiKey === undefined ? undefined : clientMismatch(client, provisionAiKey);
  if (mismatch !== undefined) throw wrongUsage(`--print-env: ${mismatch}`);
  return client;
}

function revealed({ agentId, aiKey }: AgentCreated): { provider: string; baseUrl: string; key: string } {
  const { provider, baseUrl, key } = aiKey ?? {};
  if (provider === undefined || baseUrl === undefined || key === undefined) {
    throw refused(`the agent ${agentId} was made by an earlier call, and its key is shown only once`);
  }
  return { provider, baseUrl, key };
}

function nameOf(positional: string | undefined, { name = positional }: Options): string {
  if (name === undefined) throw wrongUsage("the agent needs a name: agents create --name <name>");
  if (positional !== undefined && positional !== name) throw wrongUsage("the name is given twice, and differently");
  return name;
}

/** Another end would make another request of the same key, which is refused. */
function refuseMovingEnd({ idempotencyKey, expires, keyExpires }: Options): void {
  if (idempotencyKey === undefined) return;
  for (const text of [expires, keyExpires]) {
    if (text === undefined || parseDuration(text) === undefined) continue;
    throw wrongUsage(
      `--idempotency-key: ${text} from now is another time with each repetition; give the time itself, as in ${expiry(text)}`,
    );
  }
}

/**
 * `agents create`, of one agent or of a file's. With `--output-key-only` or `--print-env`, stdout has nothing that a
 * script has to cut off.
 */
export function addCreateAgentCommand(tree: Tree, group: Command): void {
  leaf<Options, [name: string]>(tree, group, {
    name: "create",
    description: "Create an agent, with its own AI key if asked",
    configure: (command) => {
      command
        .argument("[name]", "its name, from which its id is made")
        .option("--name <name>", "the same, as an option")
        .option("--workspace <path>", "its workspace (default: workspace-<id> in the state directory)")
        .option("--model <model>", "its model")
        .option("--bind <binding>", "a channel, as in telegram:* (repeatable)", repeated)
        .option("--skip-bootstrap", "leave the workspace without its first files")
        .option("--gateway <id>", "where to place it, with a remote host")
        .option("--label <name=value>", "a label, as in tenant=acme (repeatable)", label)
        .option("--expires <when>", "when the agent is suspended: a time, or a duration such as 30d", expiryText)
        .option("--output-key-only", "print its key and nothing else")
        .option("--print-env <client>", `print what ${clientNames.join(", ")} needs, its key too, and nothing else`)
        .option("--idempotency-key <key>", "makes repeating this command safe", headerText)
        .option(
          "--from <file>",
          "make the agents of a file, or - for stdin: JSON, JSON lines, or CSV with a header row",
        )
        .option("--dry-run", "with --from: make nothing, and say what would be refused");
      withAiKey(command.option("--provision-ai-key <provider>", "give it its own key of this AI provider"));
      withIdentity(command);
      withConfinement(command);
    },
    run: async (invocation, positional: string | undefined) => {
      const { options, out, withClient } = invocation;
      if (options.from !== undefined) {
        const others = Object.keys(options).filter((name) => !withFile.includes(name));
        if (positional !== undefined || others.length > 0) {
          throw wrongUsage("--from takes everything from the file: leave the name and the options of one agent out");
        }
        return await createAgentsFrom(invocation, options.from);
      }
      if (options.dryRun) throw wrongUsage("--dry-run goes with --from <file>");
      refuseMovingEnd(options);
      const printEnv = clientOf(options);
      const body: CreateAgent = {
        name: nameOf(positional, options),
        workspace: options.workspace,
        model: options.model,
        bind: options.bind,
        identity: identityOf(options),
        skipBootstrap: options.skipBootstrap,
        gateway: options.gateway,
        labels: options.label,
        expiresAt: options.expires === undefined ? undefined : expiry(options.expires),
        ...confinementOf(options),
        autoProvisionAiKey: aiKeyOf(options, options.outputKeyOnly ?? options.printEnv),
        revealAiKey: options.revealAiKey ?? options.outputKeyOnly ?? (printEnv && true),
      };
      const created = await withClient("agents", (client) =>
        client.agents.create(body, { idempotencyKey: options.idempotencyKey }),
      );
      if (options.outputKeyOnly) {
        if (created.aiKey?.key === undefined) {
          throw refused(`the agent ${created.agentId} was made by an earlier call, and its key is shown only once`);
        }
        return out.line(created.aiKey.key);
      }
      if (printEnv !== undefined) {
        for (const line of environmentOf(printEnv, revealed(created))) out.line(line);
        return out.notice("warning: these lines hold the agent's AI key, which is not shown again");
      }
      if (options.json) out.json(created);
      else printCreated(out, created);
    },
  });
}
