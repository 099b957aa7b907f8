/** The parts of `openclaw.json` that are ours to read or change, as OpenClaw 2026.9 has them. */

interface OpenClawIdentity {
  name?: string;
  emoji?: string;
  avatar?: string;
  [other: string]: unknown;
}

export type ModelChoice = string | { primary?: string; fallbacks?: string[] };

/** An agent's entry in `openclaw.json`; fields that are not named here are left as they are. */
export interface AgentEntry {
  name?: string;
  workspace?: string;
  cwd?: string;
  agentDir?: string;
  identity?: OpenClawIdentity;
  model?: ModelChoice;
  utilityModel?: string;
  decisionModel?: string;
  modelPolicy?: { allow?: string[] };
  memory?: { search?: { provider?: string; [other: string]: unknown }; [other: string]: unknown };
  subagents?: { allowAgents?: string[]; model?: ModelChoice; [other: string]: unknown };
  tools?: AgentTools;
  sandbox?: Record<string, unknown>;
  tts?: {
    auto?: string;
    enabled?: boolean;
    prefsPath?: string;
    maxTextLength?: number;
    summaryModel?: string;
    [other: string]: unknown;
  };
  heartbeat?: { model?: string; [other: string]: unknown };
  [other: string]: unknown;
}

interface AgentTools {
  allow?: string[];
  deny?: string[];
  exec?: { reviewer?: { model?: ModelChoice; [other: string]: unknown }; [other: string]: unknown };
  [other: string]: unknown;
}

/** The messages that a binding is for. */
export interface RouteMatch {
  channel: string;
  accountId?: string;
  peer?: { kind?: string; id?: string };
  guildId?: string;
  teamId?: string;
  roles?: string[];
}

/** An entry of `bindings`: messages that match go to the agent. */
export interface AgentBinding {
  type?: string;
  agentId: string;
  match: RouteMatch;
  [other: string]: unknown;
}

/** A model of a provider's entry. */
export interface ModelEntry {
  id: string;
  name: string;
  [other: string]: unknown;
}

interface ProviderEntry {
  baseUrl?: string;
  api?: string;
  apiKey?: unknown;
  models?: ModelEntry[];
  [other: string]: unknown;
}

interface MediaTools {
  models?: { capabilities?: string[]; [other: string]: unknown }[];
  audio?: { enabled?: boolean; [other: string]: unknown };
  video?: { enabled?: boolean; [other: string]: unknown };
  [other: string]: unknown;
}

/** The parts of `openclaw.json` that this service reads or writes. */
export interface OpenClawConfig {
  agents?: {
    ownership?: string;
    entries?: Record<string, AgentEntry>;
    defaults?: {
      workspace?: string;
      cwd?: string;
      model?: ModelChoice;
      decisionModel?: string;
      models?: Record<string, { alias?: string }>;
      [other: string]: unknown;
    };
    [other: string]: unknown;
  };
  bindings?: AgentBinding[];
  channels?: Record<string, unknown>;
  models?: { mode?: string; providers?: Record<string, ProviderEntry>; [other: string]: unknown };
  gateway?: { port?: number; auth?: unknown; tls?: { enabled?: boolean }; [other: string]: unknown };
  skills?: { workshop?: { autonomous?: { mode?: string } } };
  tools?: { media?: MediaTools; [other: string]: unknown };
  [other: string]: unknown;
}

/** The configuration that the gateway works with. */
export interface Live {
  agents: Record<string, AgentEntry>;
  /** As it was written; `undefined` where a gateway tells from outside of an agent's name, workspace and model alone. */
  whole?: OpenClawConfig;
}

/** OpenClaw takes a name alone, or one with fallbacks. */
export const primaryModel = (model: AgentEntry["model"]): string | undefined =>
  typeof model === "string" ? model : model?.primary;
