import type { Command } from "commander";
import { providerKinds } from "../../domain/provider-facts.ts";
import type { Quotas } from "../../schema/quota.ts";
import type { CliEnvironment } from "../environment.ts";
import { wrongUsage } from "../failure.ts";
import { readGivenFile } from "../given-file.ts";
import { leaf, type Tree } from "../leaf.ts";
import { graceSeconds, quotaAssignment } from "../option-values.ts";
import { shortTime } from "../output.ts";
import { describeQuotas } from "../quota-text.ts";
import { providerVariable, secretValue } from "../secret-value.ts";
import { addRevokeCommand } from "./revoke-command.ts";

interface AddOptions {
  provider: string;
  name: string;
  key?: string;
  slug?: string;
  baseUrl?: string;
  project?: string;
  credentials?: string;
  defaultQuota?: Quotas;
  /** Commander's spelling of `--no-verify`. */
  verify: boolean;
}

function addAiProvider(tree: Tree, group: Command): void {
  leaf<AddOptions>(tree, group, {
    name: "add",
    description: "Store a provider's master key, sealed",
    configure: (command) =>
      command
        .requiredOption(
          "--provider <provider>",
          `${providerKinds.filter((kind) => kind !== "custom").join(", ")}, or custom with --slug`,
        )
        .requiredOption("--name <name>", "what to call it")
        .option(
          "--key <key>",
          "the master key; - reads it from stdin (default: <PROVIDER>_MASTER_KEY, OPENCLAW_AI_PROVIDER_KEY)",
        )
        .option("--slug <slug>", "a custom provider's name")
        .option("--base-url <address>", "where that provider's API is")
        .option("--project <project>", "openai, gemini: the project in which keys are minted")
        .option("--credentials <file>", "gemini: a service account's JSON, for minting; - is stdin")
        .option(
          "--default-quota <name=number>",
          "a limit for every AI key of this provider (repeatable)",
          quotaAssignment,
        )
        .option("--no-verify", "do not ask the provider whether it accepts the key"),
    run: async ({ cli, options, out, withClient }) => {
      const variables = [providerVariable(options.slug ?? options.provider, "_MASTER_KEY"), "OPENCLAW_AI_PROVIDER_KEY"];
      const key = await secretValue(cli, "--key", options.key, variables);
      const credentials = await readCredentials(cli, options);
      const added = await withClient("operator", (client) =>
        client.aiProviders.add({
          provider: options.provider,
          name: options.name,
          key,
          slug: options.slug,
          baseUrl: options.baseUrl,
          project: options.project,
          credentials,
          defaultQuotas: options.defaultQuota,
          verify: options.verify ? undefined : false,
        }),
      );
      if (options.json) return out.json(added);
      out.title("AI provider added");
      out.details([
        ["id", added.id],
        ["provider", added.provider],
        ["name", added.name],
        ["key", added.hint],
        ["base URL", added.baseUrl],
        ["project", added.project],
        ["default quotas", describeQuotas(added.defaultQuotas)],
        ["verification", added.verification],
      ]);
      if (added.warning !== undefined) out.notice(`warning: ${added.warning}`);
    },
  });
}

async function readCredentials(
  cli: CliEnvironment,
  { key, credentials: path }: { key?: string; credentials?: string },
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  if (path === "-" && key === "-") throw wrongUsage("--key and --credentials are both -: stdin holds one of them");
  return await readGivenFile(cli, "--credentials", path);
}

/**
 * `ai-providers add|list|rotate|revoke`, with an operator's credentials. A master key is taken from stdin or a
 * variable, so that it need not stand among the arguments.
 */
export function addAiProviderCommands(tree: Tree, parent: Command): void {
  const group = parent.command("ai-providers").description("AI providers' master keys");
  addAiProvider(tree, group);
  leaf(tree, group, {
    name: "list",
    description: "List AI providers",
    run: async ({ options, out, withClient }) => {
      const { keys } = await withClient("operator", (client) => client.aiProviders.list());
      if (options.json) return out.json({ keys });
      if (keys.length === 0) return out.line("No AI providers. `ai-providers add` adds one.");
      out.table(
        ["ID", "PROVIDER", "NAME", "KEY", "STATUS", "BASE URL", "DEFAULT QUOTAS", "CREATED"],
        keys.map((key) => [
          key.id,
          key.provider,
          key.name,
          key.hint,
          key.status,
          key.baseUrl ?? "",
          describeQuotas(key.defaultQuotas) ?? "",
          shortTime(key.createdAt) ?? "",
        ]),
      );
    },
  });
  leaf<{ key?: string; credentials?: string; grace?: number; verify: boolean }, [id: string]>(tree, group, {
    name: "rotate",
    description: "Replace a master key: the provider's id and its agents stay",
    configure: (command) =>
      command
        .argument("<key-id>", "as `ai-providers list` shows it")
        .option("--key <key>", "the new master key; - reads it from stdin (default: OPENCLAW_AI_PROVIDER_KEY)")
        .option("--credentials <file>", "gemini: a service account's JSON, for minting; - is stdin")
        .option(
          "--grace <duration>",
          "how long the old key stands in where the new one is refused (default: not at all)",
          graceSeconds,
        )
        .option("--no-verify", "do not ask the provider whether it accepts the key"),
    run: async ({ cli, options, out, withClient }, id) => {
      const key = await secretValue(cli, "--key", options.key, ["OPENCLAW_AI_PROVIDER_KEY"]);
      const credentials = await readCredentials(cli, options);
      const verify = options.verify ? undefined : false;
      const rotated = await withClient("operator", (client) =>
        client.aiProviders.rotate(id, { key, credentials, verify, graceSeconds: options.grace }),
      );
      if (options.json) return out.json(rotated);
      out.line(`AI provider ${id} ("${rotated.name}") has the key ${rotated.hint} from its next request on.`);
      if (rotated.fallbackUntil !== undefined)
        out.line(`Until ${shortTime(rotated.fallbackUntil)} the key before stands in where this one is refused.`);
      if (rotated.warning !== undefined) out.notice(`warning: ${rotated.warning}`);
    },
  });
  addRevokeCommand(tree, group, {
    thing: "AI provider",
    description: "Revoke an AI provider: nothing new is provisioned with it",
    of: "aiProviders",
  });
}
