/** The parts of `openclaw.json` that are ours to read or change, as OpenClaw 2026.9 has them. */

export interface OpenClawIdentity {
  name?: string;
  emoji?: string;
  avatar?: string;
  [other: string]: unknown;
}

export interface AgentEntry {
  name?: string;
  workspace?: string;
  agentDir?: string;
  identity?: OpenClawIdentity;
  model?: string | { primary?: string; fallbacks?: string[] };
  utilityModel?: string;
  memory?: { search?: { provider?: string; [other: string]: unknown }; [other: string]: unknown };
  subagents?: { allowAgents?: string[]; [other: string]: unknown };
  [other: string]: unknown;
}

export interface RouteMatch {
  channel: string;
  accountId?: string;
  peer?: { kind?: string; id?: string };
  guildId?: string;
  teamId?: string;
  roles?: string[];
}

export interface AgentBinding {
  type?: string;
  agentId: string;
  match: RouteMatch;
  [other: string]: unknown;
}

export interface ModelEntry {
  id: string;
  name: string;
  [other: string]: unknown;
}

export interface ProviderEntry {
  baseUrl?: string;
  api?: string;
  apiKey?: unknown;
  models?: ModelEntry[];
  [other: string]: unknown;
}

export interface OpenClawConfig {
  agents?: {
    ownership?: string;
    entries?: Record<string, AgentEntry>;
    defaults?: { workspace?: string; [other: string]: unknown };
    [other: string]: unknown;
  };
  bindings?: AgentBinding[];
  models?: { mode?: string; providers?: Record<string, ProviderEntry>; [other: string]: unknown };
  gateway?: { port?: number; auth?: unknown; tls?: { enabled?: boolean }; [other: string]: unknown };
  [other: string]: unknown;
}

/** What a gateway works with now: each agent's name and model, by id. */
export type Roster = Record<string, { name?: string | undefined; model?: string | undefined }>;

export const primaryModel = (model: AgentEntry["model"]): string | undefined =>
  typeof model === "string" ? model : model?.primary;

export const rosterOf = (config: OpenClawConfig): Roster =>
  Object.fromEntries(
    Object.entries(config.agents?.entries ?? {}).map(([id, { name, model }]) => [
      id,
      { name, model: primaryModel(model) },
    ]),
  );
