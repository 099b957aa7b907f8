import { join, resolve, sep } from "node:path";
import { workspaceIn } from "../held-workspaces.ts";
import type { OpenClawConfig } from "../openclaw-config.ts";
import { type Hold, holdIn } from "./held-entry.ts";

/** Speech is an order at the operator's provider, whatever `tts.auto` says. */
const speech = ["voiceText", "voiceProvider", "voiceId"];

/** OpenClaw attaches what a text names behind `MEDIA:`, several files on a line among them. */
export const filesInText = (text: string): string[] =>
  [...text.replaceAll("\\n", "\n").matchAll(/MEDIA:([^\n]+)/gi)].flatMap(([, names]) =>
    names!.split(/[\s`"'<>()[\]{},;]+/),
  );

/** The files that a message may name, also by parameters that a channel has of its own. */
function filesIn(value: unknown, isFile = false): string[] {
  if (typeof value === "string") return (isFile ? [value.trim()] : filesInText(value)).filter((file) => file !== "");
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) =>
    filesIn(each, isFile || /media|path|file|image|url|audio|video|attachment/i.test(name)),
  );
}

/**
 * OpenClaw sends files from some directories that all agents share, the operator's own workspace and the gateway's logs
 * among them. Of those, the names in `media` are nobody's to guess, and an agent's own pictures are there too.
 */
export function isOutside(file: string, workspace: string, stateDir: string): boolean {
  const bare = file.replace(/^[\s`"'<([{@]+/, "");
  if (/^((https?|data|wss?):|media:\/\/inbound\/[^/\\%]+$)/i.test(bare)) return false;
  // It takes `MEDIA:` away from before a path, and knows more schemes than these.
  if (/^(~|[a-z][a-z0-9+.-]*\s*:)/i.test(bare)) return true;
  const path = resolve(workspace, bare);
  return ![workspace, join(stateDir, "media")].some((root) => `${path}${sep}`.startsWith(`${resolve(root)}${sep}`));
}

/** The hold on an agent that is confined, and the directory that it is held to. */
export function confined(
  config: OpenClawConfig,
  agentId: string,
  stateDir: string,
): { hold: Hold; workspace: string } | undefined {
  const entry = config.agents?.entries?.[agentId];
  const hold = entry && holdIn(entry, agentId);
  if (!hold || hold.confinement === "trusted") return undefined;
  const workspaceDir = process.env.OPENCLAW_WORKSPACE_DIR || undefined;
  return { hold, workspace: workspaceIn(config, agentId, { stateDir, workspaceDir }) };
}

/** Why a confined agent may not send what its message names. */
export function refusalOfContent(
  config: OpenClawConfig,
  caller: string,
  params: Record<string, unknown>,
  stateDir: string,
): string | undefined {
  const agent = confined(config, caller, stateDir);
  if (!agent) return undefined;
  const spoken = speech.find((name) => params[name] !== undefined);
  if (spoken !== undefined && !agent.hold.tools.includes("tts"))
    return `"${spoken}" is for agents that have the tool "tts".`;
  const outside = filesIn(params).find((file) => isOutside(file, agent.workspace, stateDir));
  return outside === undefined ? undefined : `"${outside.slice(0, 64)}" is not a file of this workspace.`;
}
