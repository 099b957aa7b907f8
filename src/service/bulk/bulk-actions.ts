import { Problem } from "../../errors.ts";
import type { BulkAction, BulkChange } from "../../schema/bulk.ts";
import type { Scope } from "../../schema/provisioning-key.ts";
import { requireFutureEnd, requireNotEnded, requireStoppable } from "../agents/agent-end.ts";
import { requireAiKey } from "../agents/agent-view.ts";
import { deleteAgent, requireDeletable, requireMadeHere } from "../agents/delete-agent.ts";
import { requireRotatable, rotateAiKey } from "../agents/rotate-ai-key.ts";
import { suspendAgent } from "../agents/suspend-agent.ts";
import { requireUpdatable, updateAgent } from "../agents/update-agent.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { requireLink } from "../provisioning-keys/require-link.ts";
import { type KnownAgent, requireAgentToChange } from "../state/find-agent.ts";

export interface BulkActionDefinition {
  scope: Scope;
  /** Throws what `run` would throw for this agent as it is now; changes nothing. */
  check(context: Context, caller: Caller, agentId: string, change: BulkChange): Promise<void>;
  run(context: Context, caller: Caller, agentId: string, change: BulkChange): Promise<unknown>;
}

async function requireVirtualKey(context: Context, agent: KnownAgent): Promise<void> {
  requireStoppable(await requireAiKey(context, agent));
}

/** A new secret of each would be shown nowhere, and the agents be cut off once the old ones end. */
function requireKeptCredentials({ host }: Context): void {
  if (host.storesCredentials) return;
  throw new Problem(
    "credential_not_stored",
    "Nothing here can hold the new keys; rotate them one by one, each with its answer: agents rotate-key.",
  );
}

const suspension = (suspended: boolean): BulkActionDefinition => ({
  scope: "agents:update",
  async check(context, caller, agentId) {
    const agent = await requireAgentToChange(context, caller, agentId);
    await requireVirtualKey(context, agent);
    if (!suspended) requireNotEnded(context, agent.record);
  },
  run: (context, caller, agentId) => suspendAgent(context, caller, agentId, suspended),
});

export const bulkActionDefinitions: Record<BulkAction, BulkActionDefinition> = {
  suspend: suspension(true),
  resume: suspension(false),
  update: {
    scope: "agents:update",
    async check(context, caller, agentId, change) {
      requireFutureEnd(context, change.expiresAt);
      const agent = await requireAgentToChange(context, caller, agentId);
      if (change.quotas !== undefined || change.expiresAt !== undefined) await requireLink(context, caller, agent);
      await requireUpdatable(context, agent, change);
      if (change.model !== undefined) context.host.requireGateway?.(agent);
    },
    async run(context, caller, agentId, { model, quotas, labels, expiresAt }) {
      const given = Object.entries({ model, quotas, labels, expiresAt }).filter(([, value]) => value !== undefined);
      await updateAgent(context, caller, agentId, Object.fromEntries(given));
    },
  },
  delete: {
    scope: "agents:delete",
    async check(context, caller, agentId) {
      requireDeletable(context, caller, agentId);
      const agent = await requireAgentToChange(context, caller, agentId);
      requireMadeHere(agent);
      context.host.requireGateway?.(agent);
    },
    run: (context, caller, agentId, { deleteWorkspace, deleteSessions }) =>
      deleteAgent(context, caller, agentId, { deleteWorkspace, deleteSessions }),
  },
  rotate: {
    scope: "agents:keys",
    async check(context, caller, agentId) {
      requireKeptCredentials(context);
      const agent = await requireAgentToChange(context, caller, agentId);
      await requireLink(context, caller, agent);
      requireRotatable(context, await requireAiKey(context, agent));
      context.host.requireGateway?.(agent);
    },
    async run(context, caller, agentId, { graceSeconds }) {
      requireKeptCredentials(context);
      await rotateAiKey(context, caller, agentId, { graceSeconds });
    },
  },
};
