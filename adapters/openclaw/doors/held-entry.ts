import { devNull } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Problem } from "../../../src/errors.ts";
import type { Confinement } from "../../../src/schema/agent-fields.ts";
import { ourProviderIn } from "../metered-provider.ts";
import type { AgentEntry, OpenClawConfig } from "../openclaw-config.ts";
import { acrossAgents, lookedAtTools, toolsOf, toolTable } from "./tool-table.ts";

/** The agent's rights besides calling its own models. */
export interface Hold {
  confinement: Confinement;
  /** Tools beyond those of the confinement. */
  tools: string[];
  /** Agents whose sessions it may reach, if they name it as well. */
  peers: string[];
}

/** A tool of an MCP server that the operator has configured: `server__tool`. */
const isServerTool = (name: string): boolean => /^[A-Za-z][A-Za-z0-9_-]*__[A-Za-z0-9_-]+$/.test(name);

/** @throws Problem `tool_not_allowed` */
export function checkTools(tools: readonly string[]): void {
  const known = toolsOf("asked");
  const wrong = tools.find((name) => !(toolTable[name] ? known.includes(name) : isServerTool(name)));
  if (wrong === undefined) return;
  const why = toolTable[wrong]?.use === "own" ? "is every agent's already" : "cannot be added to an agent";
  throw new Problem(
    "tool_not_allowed",
    `The tool "${wrong.slice(0, 64)}" ${why}; "tools" takes ${known.join(", ")}, and tools of the gateway's MCP ` +
      'servers by their full name ("server__tool"). Programs run with the confinement "sandbox".',
  );
}

/** Empty where neither the agent nor the defaults name one. */
export const decisionModelOf = (entry: AgentEntry, config: OpenClawConfig): string =>
  entry.decisionModel ?? config.agents?.defaults?.decisionModel ?? "";

/**
 * Keeps every model call of the agent on models of its own: what an entry leaves open, OpenClaw takes from the
 * operator's defaults.
 *
 * @param primary a whole reference
 * @param allow references, or `provider/*`
 */
export function holdModels(
  entry: AgentEntry,
  { primary, allow }: { primary: string; allow: readonly string[] },
  config: OpenClawConfig,
): void {
  const own = () => ({ primary, fallbacks: [] });
  entry.model = own();
  entry.utilityModel = "";
  // Unset, it is off, unless the operator has a default; setting it makes OpenClaw replace all of its plugins.
  if (decisionModelOf(entry, config) !== "") entry.decisionModel = "";
  entry.modelPolicy = { allow: [...allow] };
  entry.subagents = { ...entry.subagents, model: own() };
  entry.memory = { ...entry.memory, search: { ...entry.memory?.search, provider: "none" } };
  const exec = entry.tools?.exec;
  entry.tools = { ...entry.tools, exec: { ...exec, reviewer: { ...exec?.reviewer, model: own() } } };
}

/** The agent uses its own model for all that it does by itself. */
export function dropOthersModels(entry: AgentEntry): void {
  const isOthers = (model: string | undefined) => model !== undefined && ourProviderIn(model) === undefined;
  if (isOthers(entry.heartbeat?.model)) {
    const { model: _, ...heartbeat } = entry.heartbeat!;
    entry.heartbeat = heartbeat;
  }
  if (entry.tts) {
    // With replies spoken, each of them is an order at the operator's speech provider.
    const { auto: _, enabled: __, summaryModel, ...tts } = entry.tts;
    entry.tts = isOthers(summaryModel) || summaryModel === undefined ? tts : { summaryModel, ...tts };
  }
}

/**
 * The speech of an agent without a voice. OpenClaw keeps `/tts on` in one file for all agents of a gateway, which goes
 * before `auto`: there can be no file here. `/tts chat on`, which is kept with the chat, finds each text too long.
 */
const silent = { auto: "off", prefsPath: join(devNull, "tts.json"), maxTextLength: 1 };

/** Speech is for agents that have it as a tool. */
export const isSilent = ({ tts }: AgentEntry): boolean => isDeepStrictEqual({ ...tts, ...silent }, tts);

function holdSpeech(entry: AgentEntry, { confinement, tools }: Hold): void {
  if (confinement !== "trusted" && !tools.includes("tts")) {
    entry.tts = { ...entry.tts, ...silent };
  } else if (entry.tts?.prefsPath === silent.prefsPath) {
    const { auto: _, prefsPath: __, maxTextLength: ___, ...tts } = entry.tts;
    if (Object.keys(tts).length > 0) entry.tts = tts;
    else delete entry.tts;
  }
}

/** The agent's words go where its conversation is, and are not read out elsewhere. */
const messages = () => ({
  crossContext: { allowWithinProvider: false, allowAcrossProviders: false },
  broadcast: { enabled: false },
  actions: { allow: ["send", "reply", "react", "edit", "unsend"] },
});

/** What of a workspace makes the gateway's machine run programs: plugins, hooks, and the settings of a repository. */
export const containersOwn: readonly string[] = [".openclaw", "hooks", ".git", "HEAD"];

/**
 * OpenClaw's own directories in memory, and others in place of what would run. What the sandbox puts there is not in the
 * workspace. A parent that is no such directory itself could be moved out of the way.
 */
export const sandboxPlaces = () => ({
  workdir: "/workspace",
  tmpfs: ["/tmp", "/var/tmp", "/run", ...containersOwn.map((name) => `/workspace/${name}`)],
});

/**
 * Gives the agent the tools of its confinement, in place of those that it had.
 * @param isLookedAt whether the plugin looks at its calls
 */
export function holdTools(entry: AgentEntry, agentId: string, hold: Hold, isLookedAt = true): void {
  const { confinement, tools, peers } = hold;
  const reviewer = entry.tools?.exec?.reviewer;
  const exec = reviewer && { exec: { reviewer } };
  // Without this list, the operator's default for sub-agents of other agents would hold.
  entry.subagents = { ...entry.subagents, allowAgents: [agentId, ...peers] };
  delete entry.sandbox;
  holdSpeech(entry, hold);
  if (confinement === "trusted") {
    entry.tools = { ...exec, deny: [...acrossAgents, ...(peers.length === 0 ? toolsOf("peers") : [])] };
    return;
  }
  const allow = [
    ...toolsOf("own").filter((name) => isLookedAt || !lookedAtTools.includes(name)),
    ...(confinement === "sandbox" ? toolsOf("sandbox") : []),
    ...(peers.length > 0 ? toolsOf("peers") : []),
    ...tools,
  ];
  entry.tools = {
    ...exec,
    // This one would run programs on the gateway's machine where the operator's own agents do.
    ...(confinement === "sandbox" && { exec: { ...exec?.exec, host: "sandbox" } }),
    allow,
    fs: { workspaceOnly: true },
    // Code mode is a JavaScript engine in the gateway's own process.
    codeMode: false,
    swarm: false,
    elevated: { enabled: false },
    message: messages(),
    ...(confinement === "sandbox" && { sandbox: { tools: { allow: [...allow] } } }),
  };
  if (confinement === "sandbox") {
    entry.sandbox = { mode: "all", backend: "docker", scope: "agent", workspaceAccess: "rw", docker: sandboxPlaces() };
  }
}

/** OpenClaw holds the file tools to the directory that a turn works in, which may be set apart from the workspace. */
export const isInWorkspace = ({ cwd, workspace }: AgentEntry, { agents }: OpenClawConfig): boolean =>
  [undefined, workspace].includes(cwd ?? agents?.defaults?.cwd);

/**
 * Unset, it is the workspace, unless the operator has a default.
 * @param workspace of an entry that does not name its own
 */
export function holdPlace(entry: AgentEntry, { confinement }: Hold, config: OpenClawConfig, workspace?: string): void {
  if (confinement === "trusted") return;
  delete entry.cwd;
  const own = entry.workspace ?? workspace;
  if (own === undefined || isInWorkspace(entry, config)) return;
  entry.workspace = own;
  entry.cwd = own;
}

/** Keeps an agent from other agents' sessions, and gives it nothing that it has not. */
export function holdApart(entry: AgentEntry, agentId: string, peers: readonly string[]): void {
  entry.subagents = { ...entry.subagents, allowAgents: [agentId, ...peers] };
  const denied = entry.tools?.deny?.filter((name) => peers.length === 0 || !toolsOf("peers").includes(name)) ?? [];
  const apart = [...acrossAgents, ...(peers.length === 0 ? toolsOf("peers") : [])];
  entry.tools = { ...entry.tools, deny: [...new Set([...denied, ...apart])] };
}

/** The hold that an entry was made with; `undefined` for one that was never held. */
export function holdIn(entry: AgentEntry, agentId: string): Hold | undefined {
  const { allow, deny } = entry.tools ?? {};
  const peers = (entry.subagents?.allowAgents ?? []).filter((one) => one !== agentId);
  if (deny && acrossAgents.every((name) => deny.includes(name))) {
    return { confinement: "trusted", tools: [], peers };
  }
  if (allow) {
    const given = new Set([...toolsOf("own"), ...toolsOf("sandbox"), ...toolsOf("peers")]);
    const tools = allow.filter((name) => !given.has(name));
    return { confinement: entry.sandbox?.mode === "all" ? "sandbox" : "workspace", tools, peers };
  }
  return undefined;
}
