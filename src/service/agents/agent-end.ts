import { hasEnded } from "../../domain/has-ended.ts";
import { Problem } from "../../errors.ts";
import type { AgentRecord } from "../../schema/agent.ts";
import type { AiKeyRecord } from "../../schema/ai-key.ts";
import type { Context } from "../context.ts";

/** @throws Problem `invalid_body` for an end that has come already: to stop an agent now is to suspend it */
export function requireFutureEnd({ clock }: Pick<Context, "clock">, expiresAt: string | null | undefined): void {
  if (!hasEnded({ expiresAt: expiresAt ?? undefined }, clock.now())) return;
  throw new Problem("invalid_body", "expiresAt lies in the past; suspend the agent to stop it now.", {
    errors: [{ path: "expiresAt", message: "must lie in the future" }],
  });
}

/** @throws Problem `mode_not_supported` */
export function requireStoppable(aiKey: Pick<AiKeyRecord, "mode">): void {
  if (aiKey.mode === "virtual") return;
  throw new Problem(
    "mode_not_supported",
    "A minted key works at its provider without us and cannot be stopped when the agent ends; " +
      'use the mode "virtual", or autoProvisionAiKey.expiresAt where the provider has expiring keys.',
  );
}

/** @throws Problem `agent_expired`: it would go on being refused */
export function requireNotEnded({ clock }: Pick<Context, "clock">, record: AgentRecord | undefined): void {
  if (!record || !hasEnded(record, clock.now())) return;
  const { agentId, expiresAt } = record;
  throw new Problem(
    "agent_expired",
    `The agent "${agentId}" ended at ${expiresAt}; give it a later end, or none, and it works again: ` +
      `agents update ${agentId} --expires 30d (or never).`,
  );
}
