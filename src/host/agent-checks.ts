/** The checks of an agent whose host is not asked, or does not answer. */
export const allUnknown = { workspace: "unknown", agentDir: "unknown", credentials: "unknown" } as const;
/** The checks of an agent that its host does not have. */
export const allMissing = { workspace: "missing", agentDir: "missing", credentials: "missing" } as const;
