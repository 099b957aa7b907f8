/** Refusals of what another agent has. They do not say whose: the caller may not be let know of that agent. */
import { Problem } from "../errors.ts";

/** The 409 `binding_taken`; it does not name the agent that has it. */
export const bindingTaken = (binding: string): Problem =>
  new Problem("binding_taken", `The binding "${binding}" is another agent's; nothing was changed.`);

/** The 409 `workspace_taken`; it does not name the agent that has it. */
export const workspaceTaken = (): Problem =>
  new Problem(
    "workspace_taken",
    "The workspace is another agent's, or lies in one, or around one; name another one. Nothing was changed.",
  );
