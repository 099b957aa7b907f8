import type { Command } from "commander";
import type { Client } from "../../client/client.ts";
import type { AiKeyGiven, GiveAiKey } from "../../schema/ai-key.ts";
import { wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import type { Output } from "../output.ts";
import { type AiKeyOptions, aiKeyDetails, aiKeyOf, withAiKey } from "./ai-key-options.ts";

interface Options extends AiKeyOptions {
  provider?: string;
  aiProviderKey?: string;
  model?: string;
  json?: true;
}

function bodyOf({ provider, aiProviderKey: aiProviderId, model, revealAiKey, ...options }: Options): GiveAiKey {
  if (provider === undefined) throw wrongUsage("whose key it is to be: give --provider <provider>");
  return { ...aiKeyOf({ ...options, provisionAiKey: provider })!, aiProviderId, model, revealAiKey };
}

function print(out: Output, what: string, { agentId, model, aiKey }: AiKeyGiven): void {
  out.title(`AI key of agent ${agentId} ${what}`);
  out.details([["model", model], ...aiKeyDetails(aiKey)]);
  if (aiKey.key === undefined) return;
  out.line();
  out.line("Save this key now: it is not shown again.");
}

function addGivingCommand(
  tree: Tree,
  group: Command,
  definition: { name: "add" | "move"; description: string; done: string },
  give: (client: Client, id: string, body: GiveAiKey) => Promise<AiKeyGiven>,
): void {
  leaf<Options, [id: string]>(tree, group, {
    ...definition,
    configure: (command) => {
      withAiKey(
        command
          .argument("<agent-id>", "as `agents list` shows it")
          .option("--provider <provider>", "the AI provider whose key it gets")
          .option("--ai-provider-key <id>", "one of several of that provider, as `ai-providers list` shows it")
          .option("--model <model>", "its model from then on"),
      );
    },
    run: async ({ options, out, withClient }, id) => {
      const body = bodyOf(options);
      const given = await withClient("agents", (client) => give(client, id, body));
      if (options.json) out.json(given);
      else print(out, definition.done, given);
    },
  });
}

/**
 * `agents ai-key add|move|remove`, with a provisioning key for agents; the key itself is shown only where
 * `--reveal-ai-key` asks for it.
 */
export function addAgentAiKeyCommands(tree: Tree, parent: Command): void {
  const group = parent.command("ai-key").description("An agent's own AI key");
  addGivingCommand(
    tree,
    group,
    { name: "add", description: "Give an agent that has none its own AI key", done: "added" },
    (client, id, body) => client.agents.addAiKey(id, body),
  );
  addGivingCommand(
    tree,
    group,
    {
      name: "move",
      description: "Move an agent's AI key to another AI provider or account; quotas and use go with it",
      done: "moved",
    },
    (client, id, body) => client.agents.moveAiKey(id, body),
  );
  leaf<{ json?: true }, [id: string]>(tree, group, {
    name: "remove",
    description: "Take an agent's AI key away, at once",
    configure: (command) => command.argument("<agent-id>", "as `agents list` shows it"),
    run: async ({ options, out, withClient }, id) => {
      const taken = await withClient("agents", (client) => client.agents.removeAiKey(id));
      if (taken.preserved.includes("aiKey")) {
        out.notice(
          `warning: the AI key of ${id} is still to be revoked at its provider; that is tried again until it is done (see \`doctor\`)`,
        );
      }
      if (options.json) out.json(taken);
      else out.line(`Agent ${id} has no AI key any more; \`agents ai-key add ${id}\` gives it another.`);
    },
  });
}
