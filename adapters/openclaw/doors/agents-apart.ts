import { isNamed, speakerOf } from "../config-entries.ts";
import type { OpenClawConfig } from "../openclaw-config.ts";
import { holdIn } from "./held-entry.ts";
import { confined, refusalOfContent } from "./message-content.ts";
import { writesOwnFiles } from "./own-files.ts";
import { lookedAtTools, writingTools } from "./tool-table.ts";

/** A tool call before it is done, as OpenClaw's hook gives it. */
export interface LookedAtCall {
  toolName: string;
  params: Record<string, unknown>;
  /** Whether its turn answers somebody in a chat. */
  inConversation?: boolean;
}

/** `agent:<id>:...`; any other name of a session may be another agent's, and is nobody's here. */
export const agentInKey = (sessionKey: unknown): string | undefined =>
  typeof sessionKey === "string"
    ? /^agent:([a-z0-9][a-z0-9_-]{0,63}):/i.exec(sessionKey)?.[1]?.toLowerCase()
    : undefined;

const named = (agentId: unknown): string | undefined =>
  typeof agentId === "string" && agentId.trim() !== "" ? agentId.trim().toLowerCase() : undefined;

const arePeers = (config: OpenClawConfig, one: string, other: string): boolean => {
  const entries = config.agents?.entries ?? {};
  const names = (from: string, to: string) =>
    (entries[from] && holdIn(entries[from], from)?.peers.includes(to)) === true;
  return names(one, other) && names(other, one);
};

/** The agents that a call reaches; `undefined` where that cannot be told from what it says. */
function agentsReached({ toolName, params }: LookedAtCall): string[] | undefined {
  const { sessionKey, agentId } = params;
  const one = named(agentId);
  const owner = agentInKey(sessionKey);
  switch (toolName) {
    case "sessions_spawn":
      return one === undefined ? [] : [one];
    case "sessions_list":
      return one === undefined ? undefined : [one];
    case "sessions_history":
      // A transcript's own id may be of any agent.
      return owner === undefined || params.sessionId !== undefined ? undefined : [owner];
    case "sessions_send":
      if (sessionKey !== undefined && owner === undefined) return undefined;
      return owner === undefined && one === undefined ? undefined : [owner, one].filter((id) => id !== undefined);
    default:
      return undefined;
  }
}

/**
 * The parameters of a sub-agent. Any other may take it out of the workspace: its file tools are held to the directory
 * that it is started in (`cwd`, a project, a worktree).
 */
const spawnParams = new Set(
  `task taskName label runtime agentId model runTimeoutSeconds thinking mode cleanup expectsCompletionMessage
   completionTarget sandbox context lightContext fastMode`.split(/\s+/),
);

function leavesWorkspace(
  config: OpenClawConfig,
  caller: string,
  { toolName, params }: LookedAtCall,
): string | undefined {
  const entry = config.agents?.entries?.[caller];
  if (toolName !== "sessions_spawn" || (entry && holdIn(entry, caller)?.confinement === "trusted")) return undefined;
  return Object.keys(params).find((name) => params[name] !== undefined && !spawnParams.has(name));
}

/**
 * A chat's `/exec host=gateway` goes before what the entry says of programs, and `elevated` before the host: each call
 * of one says both itself.
 */
export function heldParams(
  { toolName, params }: LookedAtCall,
  caller: string | undefined,
  { agents }: OpenClawConfig,
  isMadeHere: (agentId: string) => boolean,
): Record<string, unknown> | undefined {
  if (toolName !== "exec" || caller === undefined || !isMadeHere(caller)) return undefined;
  const entry = agents?.entries?.[caller];
  return entry && holdIn(entry, caller)?.confinement === "sandbox"
    ? { ...params, host: "sandbox", elevated: false }
    : undefined;
}

const addresses = ["target", "targets", "to", "channelId"];

/**
 * Without an account OpenClaw takes one that is bound to the agent, or else the channel's first; without a channel, the
 * only one that there is. What a call without an address says stays in its conversation.
 */
function takesOthers({ bindings = [] }: OpenClawConfig, caller: string, params: Record<string, unknown>): boolean {
  const { channel } = params;
  if (typeof channel !== "string" && addresses.every((name) => params[name] === undefined)) return false;
  const nameOf = (text: string) => text.trim().toLowerCase();
  const own = new Set(bindings.filter(({ agentId }) => agentId === caller).map(({ match }) => nameOf(match.channel)));
  const others = bindings.map(({ match }) => nameOf(match.channel)).filter((name) => !own.has(name));
  return typeof channel === "string" ? others.includes(nameOf(channel)) : own.size === 0 && others.length > 0;
}

/** Speaking with another agent's account would be speaking as that agent. */
function foreignAccount(config: OpenClawConfig, caller: string, params: Record<string, unknown>): boolean {
  const { channel, accountId } = params;
  if (typeof channel !== "string" && accountId !== undefined) return true;
  if (typeof accountId !== "string" && takesOthers(config, caller, params)) return true;
  if (typeof channel !== "string") return false;
  // OpenClaw has other names for some channels, as `lark` for `feishu`: where accounts are given out, they are refused.
  if ((config.bindings ?? []).length > 0 && !isNamed(config, channel)) return true;
  const owner = speakerOf(config, channel, typeof accountId === "string" ? accountId : undefined);
  return owner !== undefined && owner !== caller;
}

/** A turn of a hook or a job answers nobody: without a conversation OpenClaw's own bounds of one do not hold. */
const addressesFromNowhere = ({ params, inConversation }: LookedAtCall): boolean =>
  inConversation === false && ["channel", "accountId", ...addresses].some((name) => params[name] !== undefined);

/** OpenClaw reads `session_key` where there is no `sessionKey`, and so for each of them. */
const asRead = (params: Record<string, unknown>): Record<string, unknown> => ({
  ...Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  ),
  ...params,
});

/**
 * Why a call may not be made, for an agent that was made here: it reaches an agent that is not its peer, or does not
 * say which it reaches. The operator's own agents may do as before.
 *
 * @param caller `undefined` where OpenClaw does not tell whose call it is
 */
export function refusalOf(
  { toolName, params, inConversation }: LookedAtCall,
  caller: string | undefined,
  config: OpenClawConfig,
  isMadeHere: (agentId: string) => boolean,
  stateDir: string,
): string | undefined {
  const call: LookedAtCall = {
    toolName,
    params: asRead(params),
    ...(inConversation !== undefined && { inConversation }),
  };
  if (!lookedAtTools.includes(toolName)) return undefined;
  if (caller === undefined) {
    const any = Object.keys(config.agents?.entries ?? {}).some(isMadeHere);
    return any ? `${toolName}: it cannot be told whose call this is.` : undefined;
  }
  if (!isMadeHere(caller)) return undefined;
  if (writingTools.includes(toolName)) {
    const held = confined(config, caller, stateDir);
    return held && !writesOwnFiles(toolName, params, held.roots)
      ? "Write by a plain path within the workspace. Plugins, hooks and a repository's settings run on the gateway's " +
          "machine: they are no files of it."
      : undefined;
  }
  if (toolName === "message") {
    if (foreignAccount(config, caller, call.params)) return "This account is another agent's.";
    if (confined(config, caller, stateDir) && addressesFromNowhere(call)) {
      return "This turn has no conversation, and a message goes to no other: leave out whom it is for.";
    }
    return refusalOfContent(config, caller, call.params, stateDir);
  }
  const leaving = leavesWorkspace(config, caller, call);
  if (leaving !== undefined) return `"${leaving.slice(0, 64)}" is not allowed: sub-agents work in this workspace.`;
  const reached = agentsReached(call);
  if (reached === undefined) {
    return `${toolName} has to name one agent: give "agentId", or a session key that begins with "agent:<id>:".`;
  }
  const stranger = reached.find((agentId) => agentId !== caller && !arePeers(config, caller, agentId));
  return stranger === undefined ? undefined : `The agent "${stranger.slice(0, 64)}" is not a peer of this one.`;
}
