import { Problem } from "../../errors.ts";

export const agentBusy = (agentId: string): Problem =>
  new Problem("agent_busy", `The agent "${agentId}" is being changed; try again in a moment.`);
