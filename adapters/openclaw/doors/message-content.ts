import { join, resolve, sep } from "node:path";
import { workspaceIn } from "../held-workspaces.ts";
import type { OpenClawConfig } from "../openclaw-config.ts";
import { type Hold, holdIn, sandboxPlaces } from "./held-entry.ts";

/** Speech is an order at the operator's provider, whatever `tts.auto` says. */
const speech = ["voiceText", "voiceProvider", "voiceId"];

/** The letters of `MEDIA:`, a bit each. */
const letters: Record<string, number> = { m: 1, e: 2, d: 4, i: 8, a: 16, ":": 32 };

/** OpenClaw takes a model's markup out of a text first: whether `MEDIA:` may stand in what is left. */
function hidesMedia(text: string): boolean {
  const rest = text.replace(/MEDIA:/gi, "\n").replace(/\[(?=tool|historical)/gi, "<");
  if (!rest.includes("<")) return false;
  let reached = 0;
  let beforeMarkup = 0;
  for (const char of rest.toLowerCase()) {
    if (char === "<") beforeMarkup |= reached;
    reached = (((reached | 1) & (letters[char] ?? 0)) << 1) | (/[>\]}\s]/.test(char) ? beforeMarkup : 0);
    if (reached & 64) return true;
  }
  return false;
}

/** A file that is nobody's. */
const unknown = "~";

/**
 * OpenClaw attaches what a text names behind `MEDIA:`, several files on a line among them. A line's end that is written
 * out is one to it in a message, and none in an answer.
 */
export const filesInText = (text: string): string[] =>
  [...new Set([text, text.replaceAll("\\n", "\n")])].flatMap((one) => [
    ...[...one.matchAll(/MEDIA:([^\n]+)/gi)].flatMap(([, names]) => names!.split(/[\s`"'<>()[\]{},;]+/)),
    ...(hidesMedia(one) ? [unknown] : []),
  ]);

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
export function isOutside(file: string, roots: readonly string[], stateDir: string): boolean {
  const bare = file.replace(/^[\s`"'<([{@]+/, "");
  // What is no URL to OpenClaw, as `http:/x`, is a path to it that begins in the workspace.
  if (/^((https?|data|wss?):|media:\/\/inbound\/[^/\\%]+$)/i.test(bare)) return /[/\\]\.\.([/\\]|$)/.test(bare);
  // It takes `MEDIA:` away from before a path, and knows more schemes than these.
  if (/^(~|[a-z][a-z0-9+.-]*\s*:)/i.test(bare)) return true;
  const path = resolve(roots[0]!, bare);
  return ![...roots, join(stateDir, "media")].some((root) => `${path}${sep}`.startsWith(`${resolve(root)}${sep}`));
}

/**
 * The hold on an agent that is confined, and the directory that it is held to.
 * @returns roots: that directory first, and what the sandbox calls it
 */
export function confined(
  config: OpenClawConfig,
  agentId: string,
  stateDir: string,
): { hold: Hold; workspace: string; roots: readonly string[] } | undefined {
  const entry = config.agents?.entries?.[agentId];
  const hold = entry && holdIn(entry, agentId);
  if (!hold || hold.confinement === "trusted") return undefined;
  const workspaceDir = process.env.OPENCLAW_WORKSPACE_DIR || undefined;
  const workspace = workspaceIn(config, agentId, { stateDir, workspaceDir });
  return { hold, workspace, roots: [workspace, ...(hold.confinement === "sandbox" ? [sandboxPlaces().workdir] : [])] };
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
  const outside = filesIn(params).find((file) => isOutside(file, agent.roots, stateDir));
  return outside === undefined ? undefined : `"${outside.slice(0, 64)}" is not a file of this workspace.`;
}
