import { Problem } from "../../errors.ts";

/** The 409 `agent_busy`, while another operation holds the agent's lease. */
export const agentBusy = (agentId: string): Problem =>
  new Problem("agent_busy", `The agent "${agentId}" is being changed; try again in a moment.`);
