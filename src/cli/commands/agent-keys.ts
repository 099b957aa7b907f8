import type { Command } from "commander";
import type { ProvisioningKeyIssued, ProvisioningKeyView, Reach, Scope } from "../../schema/provisioning-key.ts";
import { leaf, type Tree } from "../leaf.ts";
import { amount, expiry, graceSeconds, reach, scopeList } from "../option-values.ts";
import { type Output, shortTime } from "../output.ts";
import { addRevokeCommand } from "./revoke-command.ts";

/** The one time that a key is seen. */
export function printIssuedKey(out: Output, title: string, issued: ProvisioningKeyIssued): void {
  out.title(title);
  out.details([
    ["id", issued.id],
    ["name", issued.name],
    ["scopes", issued.scopes.join(", ")],
    ["reach", issued.reach],
    ["AI provider", issued.aiProviderKeyId],
    ["max agents", issued.maxAgents?.toString()],
    ["rate limit", issued.rateLimitPerMinute === undefined ? undefined : `${issued.rateLimitPerMinute} a minute`],
    ["expires", shortTime(issued.expiresAt)],
    ["old key works until", shortTime(issued.previousValidUntil)],
    ["key", issued.key],
  ]);
  out.line();
  out.line("Save this key now: it is not shown again.");
}

interface KeyOutputOptions {
  outputKeyOnly?: true;
  json?: true;
}

const withKeyOutput = (command: Command) => command.option("--output-key-only", "print the key and nothing else");

function printKey(out: Output, options: KeyOutputOptions, title: string, issued: ProvisioningKeyIssued): void {
  if (options.outputKeyOnly) out.line(issued.key);
  else if (options.json) out.json(issued);
  else printIssuedKey(out, title, issued);
}

interface CreateOptions extends KeyOutputOptions {
  name: string;
  scopes: Scope[];
  reach?: Reach;
  aiProviderKey?: string;
  maxAgents?: number;
  rateLimit?: number;
  expires?: string;
}

function createKey(tree: Tree, group: Command): void {
  leaf<CreateOptions>(tree, group, {
    name: "create",
    description: "Create an agent provisioning key",
    configure: (command) =>
      withKeyOutput(command)
        .requiredOption("--name <name>", "what to call it")
        .requiredOption("--scopes <scopes>", 'what it may do, as in "agents:create,agents:onboard"', scopeList)
        .option("--reach <reach>", 'which agents it acts on and sees: "all", or its "own"', reach)
        .option("--ai-provider-key <key-id>", "the AI provider whose keys it may provision")
        .option("--max-agents <number>", "how many agents it may make", amount)
        .option("--rate-limit <number>", "requests a minute", amount)
        .option("--expires <when>", "a time, or a duration such as 30d", expiry),
    run: async ({ options, out, withClient }) => {
      const issued = await withClient("operator", (client) =>
        client.agentKeys.create({
          name: options.name,
          scopes: options.scopes,
          reach: options.reach,
          aiProviderKeyId: options.aiProviderKey,
          maxAgents: options.maxAgents,
          rateLimitPerMinute: options.rateLimit,
          expiresAt: options.expires,
        }),
      );
      printKey(out, options, "Agent provisioning key created", issued);
    },
  });
}

const row = (key: ProvisioningKeyView): string[] => [
  key.id,
  key.name,
  key.scopes.join(","),
  // An older deployment does not say.
  key.reach ?? "",
  key.status,
  key.aiProviderKeyId ?? "",
  key.maxAgents === undefined ? `${key.agents}` : `${key.agents}/${key.maxAgents}`,
  `${key.uses}`,
  shortTime(key.lastUsedAt) ?? "",
  shortTime(key.expiresAt) ?? "",
  shortTime(key.createdAt) ?? "",
];

/** `agent-keys create|list|revoke|rotate`, with an operator's credentials. To revoke a key again is no failure. */
export function addAgentKeyCommands(tree: Tree, parent: Command): void {
  const group = parent.command("agent-keys").description("Agent provisioning keys");
  createKey(tree, group);
  leaf(tree, group, {
    name: "list",
    description: "List agent provisioning keys",
    run: async ({ options, out, withClient }) => {
      const { keys } = await withClient("operator", (client) => client.agentKeys.list());
      if (options.json) return out.json({ keys });
      if (keys.length === 0) return out.line("No agent provisioning keys. `agent-keys create` makes one.");
      out.table(
        ["ID", "NAME", "SCOPES", "REACH", "STATUS", "AI PROVIDER", "AGENTS", "USES", "LAST USED", "EXPIRES", "CREATED"],
        keys.map(row),
      );
    },
  });
  addRevokeCommand(tree, group, {
    thing: "Agent provisioning key",
    description: "Revoke an agent provisioning key, at once",
    of: "agentKeys",
  });
  leaf<KeyOutputOptions & { grace?: number }, [id: string]>(tree, group, {
    name: "rotate",
    description: "Replace a key's secret; its id stays",
    configure: (command) =>
      withKeyOutput(command)
        .argument("<key-id>", "as `agent-keys list` shows it")
        .option("--grace <duration>", "how long the old key still works (default: 24h; 0: not at all)", graceSeconds),
    run: async ({ options, out, withClient }, id) => {
      const issued = await withClient("operator", (client) =>
        client.agentKeys.rotate(id, { graceSeconds: options.grace }),
      );
      printKey(out, options, "Agent provisioning key rotated", issued);
    },
  });
}
