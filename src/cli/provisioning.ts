import type { Command } from "commander";
import { addAgentKeyCommands } from "./commands/agent-keys.ts";
import { addAgentCommands } from "./commands/agents.ts";
import { addAiProviderCommands } from "./commands/ai-providers.ts";
import { addAuditCommands } from "./commands/audit.ts";
import { addConsoleCommand } from "./commands/console.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addEventsCommand } from "./commands/events.ts";
import { addFleetUsageCommands } from "./commands/fleet-usage.ts";
import { addGatewayCommands } from "./commands/gateways.ts";
import { addInitCommand } from "./commands/init.ts";
import { addOpenApiCommand } from "./commands/openapi.ts";
import { addPriceCommands } from "./commands/prices.ts";
import { addSealCommands } from "./commands/seal.ts";
import { addWebhookCommands } from "./commands/webhooks.ts";
import { oneLine } from "./failure.ts";
import type { Tree } from "./leaf.ts";

/** Commander ends with 1 for every fault of usage; here that is 2. */
const usageExitCode = (commanders: number) => (commanders === 0 ? 0 : 2);

/**
 * Sets the output and the end of a command and of all below it. Called before its subcommands are added: they inherit
 * it.
 */
export function direct(command: Command, { cli, finish }: Tree): Command {
  return command
    .exitOverride((error) => finish(usageExitCode(error.exitCode)))
    .configureOutput({
      writeOut: (text) => cli.write(text),
      writeErr: (text) => cli.writeError(text),
      outputError: (text, write) => write(`${oneLine(text)}\n`),
    });
}

/** The `provisioning` tree below any commander program, made with that program's own commander. */
export function addProvisioningCommands(tree: Tree, program: Command): void {
  const group = direct(program.command("provisioning"), tree).description("Provision agents and their keys");
  addAgentCommands(tree, group);
  addAgentKeyCommands(tree, group);
  addAiProviderCommands(tree, group);
  addGatewayCommands(tree, group);
  addFleetUsageCommands(tree, group);
  addPriceCommands(tree, group);
  addAuditCommands(tree, group);
  addConsoleCommand(tree, group);
  addWebhookCommands(tree, group);
  addEventsCommand(tree, group);
  addInitCommand(tree, group);
  addDoctorCommand(tree, group);
  addSealCommands(tree, group);
  addOpenApiCommand(tree, group);
}
