/**
 * OpenClaw's own rule (2026.9.6): lower case, everything but letters, digits, `_` and `-` becomes `-`, edges are
 * trimmed, and the rest is cut to 64.
 *
 * @returns `undefined` where nothing usable is left
 */
export function agentIdFrom(name: string): string | undefined {
  const id = name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "-")
    .replace(/^[-_]+/, "")
    .slice(0, 64)
    .replace(/-+$/, "");
  return id === "" ? undefined : id;
}

/** The ids that a call may name; those that `agentIdFrom` gives are among them. */
export const agentIdForm = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** OpenClaw's implicit default agent. */
export const reservedAgentId = "main";
