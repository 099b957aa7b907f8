import { join, resolve, sep } from "node:path";
import { absolutePath } from "../held-workspaces.ts";
import type { OpenClawConfig } from "../openclaw-config.ts";
import { holdIn } from "./held-entry.ts";

/** Speech is an order at the operator's provider, whatever `tts.auto` says. */
const speech = ["voiceText", "voiceProvider", "voiceId"];

/** OpenClaw attaches what a text names behind `MEDIA:`, several files on a line among them. */
const filesInText = (text: string): string[] =>
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
function isOutside(file: string, workspace: string, stateDir: string): boolean {
  const bare = file.replace(/^[\s`"'<([{@]+/, "");
  if (/^((https?|data|wss?):|media:\/\/inbound\/[^/\\%]+$)/i.test(bare)) return false;
  // It takes `MEDIA:` away from before a path, and knows more schemes than these.
  if (/^(~|[a-z][a-z0-9+.-]*\s*:)/i.test(bare)) return true;
  const path = resolve(workspace, bare);
  return ![workspace, join(stateDir, "media")].some((root) => `${path}${sep}`.startsWith(`${resolve(root)}${sep}`));
}

/** Why a confined agent may not send what its message names. */
export function refusalOfContent(
  config: OpenClawConfig,
  caller: string,
  params: Record<string, unknown>,
  stateDir: string,
): string | undefined {
  const entry = config.agents?.entries?.[caller];
  const hold = entry && holdIn(entry, caller);
  if (!hold || hold.confinement === "trusted") return undefined;
  const spoken = speech.find((name) => params[name] !== undefined);
  if (spoken !== undefined && !hold.tools.includes("tts")) return `"${spoken}" is for agents that have the tool "tts".`;
  const workspace = absolutePath(entry.workspace ?? join(stateDir, `workspace-${caller}`), {});
  const outside = filesIn(params).find((file) => isOutside(file, workspace, stateDir));
  return outside === undefined ? undefined : `"${outside.slice(0, 64)}" is not a file of this workspace.`;
}
