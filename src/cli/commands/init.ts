import type { Command } from "commander";
import type { AiProviderView, Client } from "../../client/client.ts";
import { factsOf, providerKinds } from "../../domain/provider-facts.ts";
import type { ProvisioningKeyIssued, ProvisioningKeyView, Scope } from "../../schema/provisioning-key.ts";
import type { CliEnvironment } from "../environment.ts";
import { refused } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { scopeList } from "../option-values.ts";
import { providerVariable } from "../secret-value.ts";
import { printIssuedKey } from "./agent-keys.ts";

/** Those whose address is known: the first that is there is the one to link. */
const builtIn = providerKinds.filter((kind) => factsOf(kind).baseUrl !== undefined);

interface Options {
  name: string;
  scopes: Scope[];
  verify: boolean;
  outputKeyOnly?: true;
}

interface Initialised {
  /** Whether this call made the key. */
  created: boolean;
  key: ProvisioningKeyIssued | ProvisioningKeyView;
  aiProviders: AiProviderView[];
  warnings: string[];
}

/** Adds the providers whose master keys the environment holds, and makes one key, linked to the first. */
async function initialise(client: Client, cli: CliEnvironment, options: Options): Promise<Initialised> {
  const present = (await client.aiProviders.list()).keys.filter((provider) => provider.status === "active");
  const aiProviders: AiProviderView[] = [];
  const warnings: string[] = [];
  for (const provider of builtIn) {
    const known = present.find((candidate) => candidate.provider === provider);
    const key = cli.env(providerVariable(provider, "_MASTER_KEY"))?.trim();
    if (known !== undefined) aiProviders.push(known);
    else if (key) {
      const name = `Master ${factsOf(provider).title} Key`;
      const added = await client.aiProviders.add({ provider, name, key, verify: options.verify ? undefined : false });
      aiProviders.push(added);
      if (added.warning !== undefined) warnings.push(added.warning);
    }
  }
  const linked = aiProviders[0];
  const { keys } = await client.agentKeys.list();
  const existing = keys.find((key) => key.name === options.name && key.status === "active");
  if (existing !== undefined) {
    if (linked !== undefined && existing.aiProviderKeyId === undefined) {
      warnings.push(
        `the key ${existing.id} is not linked to an AI provider: \`agent-keys create --ai-provider-key ${linked.id}\` makes one that is`,
      );
    }
    return { created: false, key: existing, aiProviders, warnings };
  }
  const { name, scopes } = options;
  const issued = await client.agentKeys.create({ name, scopes, aiProviderKeyId: linked?.id });
  return { created: true, key: issued, aiProviders, warnings };
}

/**
 * `init`: adds the AI providers whose keys are in the environment and makes one key for agents, unless an active one
 * has that name. One process at a time does it.
 */
export function addInitCommand(tree: Tree, parent: Command): void {
  leaf<Options>(tree, parent, {
    name: "init",
    description: "Make the first provisioning key; run again, it changes nothing that is there",
    configure: (command) =>
      command
        .option("--name <name>", "the key's name", "Initial key")
        .option("--scopes <scopes>", "what it may do", scopeList, ["agents:create", "agents:onboard"])
        .option("--no-verify", "do not ask AI providers whether they accept their keys")
        .option("--output-key-only", "print the key and nothing else"),
    run: async ({ cli, options, out, withClient }) => {
      const done = await withClient("operator", (client, { exclusively }) =>
        exclusively(() => initialise(client, cli, options)),
      );
      for (const warning of done.warnings) out.notice(`warning: ${warning}`);
      const once = `the key ${done.key.id} ("${done.key.name}") was made before and is shown only once; \`agent-keys rotate ${done.key.id}\` replaces it`;
      if (options.outputKeyOnly) {
        if (!("key" in done.key)) throw refused(once);
        return out.line(done.key.key);
      }
      if (options.json) return out.json(done);
      for (const provider of done.aiProviders) {
        out.line(`AI provider ${provider.id}: ${provider.provider}, "${provider.name}", ${provider.hint}`);
      }
      if ("key" in done.key) printIssuedKey(out, "Agent provisioning key created", done.key);
      else out.line(`Already initialised: ${once}.`);
    },
  });
}
