import { Problem } from "../errors.ts";
import type { HostAgent } from "../ports.ts";

/** The refusal of a change that has lost its lease, and finds that another is at the agent: it does nothing more. */
export const overtaken = (agentId: string): Problem =>
  new Problem("agent_busy", `The agent "${agentId}" was taken over by another change; try again in a moment.`);

/** @throws Problem `agent_busy` where the change that asks has lost its lease */
export async function requireCurrent({ agentId, isCurrent }: Pick<HostAgent, "agentId" | "isCurrent">): Promise<void> {
  if (isCurrent && !(await isCurrent())) throw overtaken(agentId);
}

/** The refusal for an agent that the host itself does not have, whatever the records say. */
export const absent = (agentId: string): Problem =>
  new Problem("agent_not_found", `The host has no agent "${agentId.slice(0, 64)}".`);

/** The refusal of a creation under an id that an agent of the host has. */
export const exists = (agentId: string): Problem =>
  new Problem("agent_exists", `An agent "${agentId}" exists; choose another name.`);
