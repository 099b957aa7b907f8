import { isAgentsOwn } from "../metered-provider.ts";
import { type AgentEntry, type ModelChoice, type OpenClawConfig, primaryModel } from "../openclaw-config.ts";
import { decisionModelOf, holdIn, isInWorkspace, isSilent, sandboxPlaces } from "./held-entry.ts";
import { toolsOf, toolTable } from "./tool-table.ts";

/** The parts of an entry through which its agent calls models that are not its own. */
function modelDoors(entry: AgentEntry, config: OpenClawConfig): string[] {
  const search = entry.memory?.search?.provider;
  const isOwn = (reference: string | undefined): boolean => isAgentsOwn(reference, config);
  const ownOnly = (choice: ModelChoice | undefined): boolean =>
    [primaryModel(choice), ...(typeof choice === "object" ? (choice.fallbacks ?? []) : [])].every(isOwn);
  const checks: Record<string, boolean> = {
    model: ownOnly(entry.model),
    utilityModel: entry.utilityModel === "",
    decisionModel: decisionModelOf(entry, config) === "",
    "modelPolicy.allow": (entry.modelPolicy?.allow?.length ?? 0) > 0 && entry.modelPolicy!.allow!.every(isOwn),
    "subagents.model": ownOnly(entry.subagents?.model),
    "memory.search.provider": search === "none" || isOwn(`${search}/*`),
    "tools.exec.reviewer.model": ownOnly(entry.tools?.exec?.reviewer?.model),
    "heartbeat.model": entry.heartbeat?.model === undefined || isOwn(entry.heartbeat.model),
    "tts.auto": (entry.tts?.auto ?? "off") === "off",
    "tts.enabled": entry.tts?.enabled !== true,
    "tts.summaryModel": entry.tts?.summaryModel === undefined || isOwn(entry.tts.summaryModel),
  };
  return Object.keys(checks).filter((name) => !checks[name]);
}

function keepsCodeOut({ sandbox }: AgentEntry): boolean {
  const { workdir, tmpfs = [] } = (sandbox?.docker ?? {}) as { workdir?: string; tmpfs?: string[] };
  const places = sandboxPlaces();
  return workdir === places.workdir && places.tmpfs.every((place) => tmpfs.includes(place));
}

/** The parts of an entry by which its agent is not confined, or not apart from other agents. */
function toolDoors(entry: AgentEntry, agentId: string, config: OpenClawConfig): string[] {
  const hold = holdIn(entry, agentId);
  if (!hold) return ["tools"];
  if (hold.confinement === "trusted") return [];
  const { tools = {} } = entry;
  const enabled = (part: unknown) => (part as { enabled?: boolean } | undefined)?.enabled;
  const may = new Set([...toolsOf("own"), ...toolsOf("asked"), ...(hold.peers.length > 0 ? toolsOf("peers") : [])]);
  if (hold.confinement === "sandbox") for (const name of toolsOf("sandbox")) may.add(name);
  const checks: Record<string, boolean> = {
    cwd: isInWorkspace(entry, config),
    "tools.allow": tools.allow!.every((name) => may.has(name) || (!toolTable[name] && name.includes("__"))),
    "tools.alsoAllow": tools.alsoAllow === undefined,
    "tools.fs.workspaceOnly": (tools.fs as { workspaceOnly?: boolean } | undefined)?.workspaceOnly === true,
    "tools.codeMode": tools.codeMode === false,
    "tools.exec.host": hold.confinement !== "sandbox" || tools.exec?.host === "sandbox",
    "sandbox.docker": hold.confinement !== "sandbox" || keepsCodeOut(entry),
    "tools.elevated.enabled": enabled(tools.elevated) === false,
    tts: isSilent(entry) || hold.tools.includes("tts"),
  };
  return Object.keys(checks).filter((name) => !checks[name]);
}

/**
 * The open doors in the entry of an agent that was made here: an earlier release left them so, or somebody changed it.
 * @param hasKey of its own; without one, its model is the operator's choice
 */
export const entryDoors = (entry: AgentEntry, agentId: string, hasKey: boolean, config: OpenClawConfig): string[] => [
  ...(hasKey ? modelDoors(entry, config) : []),
  ...toolDoors(entry, agentId, config),
];
