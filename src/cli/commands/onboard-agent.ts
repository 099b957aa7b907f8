import type { Command } from "commander";
import type { OnboardAgent } from "../../schema/onboard-agent.ts";
import { refused, wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { repeated } from "../option-values.ts";
import { providerVariable, secretValue } from "../secret-value.ts";
import { type IdentityOptions, identityOf, withIdentity } from "./agent-options.ts";

interface Options extends IdentityOptions {
  provider?: string;
  key?: string;
  baseUrl?: string;
  model?: string;
  bind?: string[];
}

/** `agents onboard`: a step that fails does not undo the others, and the exit code is then 1. */
export function addOnboardAgentCommand(tree: Tree, group: Command): void {
  leaf<Options, [id: string]>(tree, group, {
    name: "onboard",
    description: "Configure an agent: credentials, bindings, identity, model",
    configure: (command) => {
      command
        .argument("<agent-id>", "as `agents list` shows it")
        .option("--provider <provider>", "store a key of this AI provider for it")
        .option("--key <key>", "that key; - reads it from stdin (default: <PROVIDER>_API_KEY)")
        .option("--base-url <address>", "where that provider's API is")
        .option("--model <model>", "its model")
        .option("--bind <binding>", "a channel, as in telegram:* (repeatable)", repeated);
      withIdentity(command);
    },
    run: async ({ cli, options, out, withClient }, id) => {
      const { provider, baseUrl, model, bind: bindings } = options;
      if (provider === undefined && (options.key ?? baseUrl) !== undefined) {
        throw wrongUsage("--key and --base-url need --provider <provider>");
      }
      const parts: Omit<OnboardAgent, "steps"> = { bindings, identity: identityOf(options), model };
      if (provider !== undefined) {
        const apiKey = await secretValue(cli, "--key", options.key, [providerVariable(provider, "_API_KEY")]);
        parts.auth = { provider, credentials: { apiKey }, baseUrl };
      }
      const steps = (["auth", "bindings", "identity", "model"] as const).filter((step) => parts[step] !== undefined);
      if (steps.length === 0) throw wrongUsage("nothing to do: give --provider, --bind, --identity-name or --model");
      const done = await withClient("agents", (client) => client.agents.onboard(id, { steps, ...parts }));
      if (options.json) out.json(done);
      else if (done.completed.length > 0) out.line(`Agent ${done.agentId}: ${done.completed.join(", ")} done.`);
      if (done.failed.length > 0) {
        const reasons = done.errors.map(({ step, message }) => `${step}: ${message}`);
        throw refused(`onboarding failed at ${done.failed.join(", ")}; ${reasons.join("; ")}`);
      }
    },
  });
}
