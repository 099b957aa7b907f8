/** One agent's share of a sample: counts since the sample before it. */
export interface AgentActivity {
  agentId: string;
  requests: number;
  tokens: number;
  denied: number;
}

/** The activity that one process has metered in a moment. */
export interface ActivitySample {
  /** Epoch milliseconds. */
  at: number;
  requests: number;
  tokens: number;
  denied: number;
  agents: AgentActivity[];
}

/** The activity of all processes at this moment. It is kept for a minute, and lost with a process without harm. */
export interface ActivityLog {
  /** Resolves to whether anybody has looked lately: where nobody does, samples may come seldom. */
  publish(sample: ActivitySample): Promise<boolean>;
  /** The samples published after the cursor; without a cursor, only the cursor. */
  since(cursor: string | undefined): Promise<{ samples: ActivitySample[]; cursor: string }>;
}
