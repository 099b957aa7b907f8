import type { Command } from "commander";
import type { AgentDetail } from "../../schema/agent.ts";
import type { QuotaName } from "../../schema/quota.ts";
import { refused, wrongUsage } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { expiryOrNever, graceSeconds, labelChange, quotaLimitOrNone } from "../option-values.ts";
import { addAdoptAgentsCommand, addReleaseAgentsCommand } from "./adopt-agents.ts";
import { addAgentAiKeyCommands } from "./agent-ai-key.ts";
import { type ConfinementOptions, confinementOf, quotaChangeOf, withConfinement, withQuotas } from "./agent-options.ts";
import { addAgentUsageCommand } from "./agent-usage.ts";
import { addBulkAgentsCommand } from "./bulk-agents.ts";
import { addConfineAgentsCommand } from "./confine-agents.ts";
import { addCreateAgentCommand } from "./create-agent.ts";
import { addCreditAgentCommand } from "./credit-agent.ts";
import { addListAgentsCommand } from "./list-agents.ts";
import { addOnboardAgentCommand } from "./onboard-agent.ts";
import { printAgent } from "./print-agent.ts";

const withId = (command: Command) => command.argument("<agent-id>", "as `agents list` shows it");

function addDeleteCommand(tree: Tree, group: Command): void {
  leaf<{ deleteWorkspace?: true; deleteSessions?: true }, [id: string]>(tree, group, {
    name: "delete",
    description: "Delete an agent and revoke its AI key",
    configure: (command) =>
      withId(command)
        .option("--delete-workspace", "its workspace too, if it was made for it")
        .option("--delete-sessions", "its sessions too"),
    run: async ({ options, out, withClient }, id) => {
      const { deleteWorkspace, deleteSessions } = options;
      const done = await withClient("agents", (client) =>
        client.agents.delete(id, { deleteWorkspace, deleteSessions }),
      );
      if (done.preserved.includes("aiKey")) {
        out.notice(
          `warning: the AI key of ${done.agentId} is still to be revoked at its provider; that is tried again until it is done (see \`doctor\`)`,
        );
      }
      if (options.json) return out.json(done);
      out.title(`Agent ${done.agentId} deleted`);
      out.details([
        ["deleted", done.deleted.join(", ")],
        ["preserved", done.preserved.join(", ")],
      ]);
    },
  });
}

type UpdateOptions = {
  name?: string;
  model?: string;
  label?: Record<string, string | null>;
  expires?: string;
} & ConfinementOptions &
  Partial<Record<QuotaName, number | "none">>;

function addUpdateCommand(tree: Tree, group: Command): void {
  leaf<UpdateOptions, [id: string]>(tree, group, {
    name: "update",
    description: "Change an agent's name, model, quotas, labels, end or confinement",
    configure: (command) => {
      withId(command)
        .option("--name <name>", "its name; the id stays")
        .option("--model <model>", "its model")
        .option("--label <name=value>", "a label, as in tenant=acme; tenant= removes it (repeatable)", labelChange)
        .option("--expires <when>", "when it is suspended: a time, a duration such as 30d, or never", expiryOrNever);
      withQuotas(command, "a limit of its AI key, or none", quotaLimitOrNone);
      withConfinement(command);
    },
    run: async ({ options, out, withClient }, id) => {
      const { name, model, label: labels, expires } = options;
      const expiresAt = expires === "never" ? null : expires;
      const change = { name, model, labels, expiresAt, quotas: quotaChangeOf(options), ...confinementOf(options) };
      if (Object.values(change).every((value) => value === undefined)) {
        throw wrongUsage("nothing to change: give --name, --model, a quota, --label, --expires or --confinement");
      }
      const agent = await withClient("agents", (client) => client.agents.update(id, change));
      if (options.json) out.json(agent);
      else printAgent(out, agent);
    },
  });
}

function addRotateKeyCommand(tree: Tree, group: Command): void {
  leaf<{ grace?: number; revealAiKey?: true; outputKeyOnly?: true }, [id: string]>(tree, group, {
    name: "rotate-key",
    description: "Give an agent a new AI key; the key's id, quotas and use stay",
    configure: (command) =>
      withId(command)
        .option("--grace <duration>", "how long the old key still works (default: 1h; 0: not at all)", graceSeconds)
        .option("--reveal-ai-key", "print the new key too")
        .option("--output-key-only", "print the new key and nothing else"),
    run: async ({ options, out, withClient }, id) => {
      const revealAiKey = options.revealAiKey ?? options.outputKeyOnly;
      const rotated = await withClient("agents", (client) =>
        client.agents.rotateAiKey(id, { graceSeconds: options.grace, revealAiKey }),
      );
      const { keyId, key } = rotated.aiKey;
      if (options.outputKeyOnly) {
        if (key === undefined) throw refused(`AI key ${keyId} is rotated, but its new secret did not come back`);
        return out.line(key);
      }
      if (options.json) return out.json(rotated);
      out.line(`AI key ${keyId} of agent ${id} is rotated.`);
      if (key === undefined) return;
      out.details([["key", key]]);
      out.line();
      out.line("Save this key now: it is not shown again.");
    },
  });
}

function addSwitchCommand(
  tree: Tree,
  group: Command,
  definition: { name: "suspend" | "resume"; description: string; done: string },
): void {
  leaf<object, [id: string]>(tree, group, {
    ...definition,
    configure: withId,
    run: async ({ options, out, withClient }, id) => {
      const agent: AgentDetail = await withClient("agents", (client) => client.agents[definition.name](id));
      if (options.json) out.json(agent);
      else out.line(`Agent ${agent.agentId} is ${definition.done}: status ${agent.status}.`);
    },
  });
}

/**
 * The group `agents`, whose commands take a provisioning key or the admin token; those for many agents have files of
 * their own.
 */
export function addAgentCommands(tree: Tree, parent: Command): void {
  const group = parent.command("agents").description("Agents");
  addCreateAgentCommand(tree, group);
  addListAgentsCommand(tree, group);
  leaf<object, [id: string]>(tree, group, {
    name: "get",
    description: "Show an agent's status and health",
    configure: withId,
    run: async ({ options, out, withClient }, id) => {
      const agent = await withClient("agents", (client) => client.agents.get(id));
      if (options.json) out.json(agent);
      else printAgent(out, agent);
    },
  });
  addUpdateCommand(tree, group);
  addBulkAgentsCommand(tree, group);
  addAdoptAgentsCommand(tree, group);
  addReleaseAgentsCommand(tree, group);
  addConfineAgentsCommand(tree, group);
  addOnboardAgentCommand(tree, group);
  addAgentUsageCommand(tree, group);
  addCreditAgentCommand(tree, group);
  addSwitchCommand(tree, group, { name: "suspend", description: "Stop an agent's AI key, at once", done: "suspended" });
  addSwitchCommand(tree, group, { name: "resume", description: "Restore an agent's AI key, at once", done: "resumed" });
  addAgentAiKeyCommands(tree, group);
  addRotateKeyCommand(tree, group);
  addDeleteCommand(tree, group);
}
