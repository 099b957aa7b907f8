import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { reservedAgentId } from "../../src/domain/agent-id.ts";
import { workspaceTaken } from "../../src/domain/taken.ts";
import { overlap } from "../node/directory-host/overlap.ts";
import { resolveExisting } from "../node/directory-host/workspace-paths.ts";
import { isDirectory } from "../node/files/is-directory.ts";
import type { AgentEntry, OpenClawConfig } from "./openclaw-config.ts";

/** The places at which OpenClaw looks for its files. */
export interface OpenClawPlaces {
  stateDir: string;
  /** The meaning of `~/`. */
  home?: string | undefined;
  /** `OPENCLAW_WORKSPACE_DIR`, which goes before the state directory's own `workspace`. */
  workspaceDir?: string | undefined;
}

/** A path as an entry names it. */
export const absolutePath = (text: string, { home = homedir() }: Pick<OpenClawPlaces, "home">): string =>
  /^~(\/|$)/.test(text) ? join(home, text.slice(1)) : resolve(text);

/** @param home the agent's own directory, in which it is by default */
export const agentDirIn = (
  entry: AgentEntry | undefined,
  home: string,
  places: Pick<OpenClawPlaces, "home">,
): string => (entry?.agentDir === undefined ? join(home, "agent") : absolutePath(entry.agentDir, places));

/**
 * Whether a workspace is another agent's, or lies in one or around one, whoever made that agent, and so for the one
 * that the gateway itself works in by default.
 *
 * @param path absolute, symlinks resolved
 */
export function overlapsHeld(config: OpenClawConfig, agentId: string, path: string, places: OpenClawPlaces): boolean {
  const resolved = createResolver();
  return heldBesides(config, agentId, places).some((held) => overlap(held, path) || overlap(resolved(held), path));
}

/** Symlinks resolved, those of a directory that many lie in once. */
function createResolver(): (held: string) => string {
  const directories = new Map<string, string>();
  return (named) => {
    // With a slash at its end, a link would pass for the directory.
    const held = resolve(named);
    const directory = dirname(held);
    if (!isDirectory(held)) return resolveExisting(held)?.path ?? held;
    const real = directories.get(directory) ?? resolveExisting(directory)?.path ?? directory;
    directories.set(directory, real);
    return join(real, basename(held));
  };
}

/** @throws Problem `workspace_taken` */
export function refuseHeld(config: OpenClawConfig, agentId: string, path: string, places: OpenClawPlaces): void {
  if (overlapsHeld(config, agentId, path, places)) throw workspaceTaken();
}

/** The gateway's own, which agents without one of theirs share or lie in. */
function commonWorkspace({ agents }: OpenClawConfig, places: OpenClawPlaces): string {
  const named = agents?.defaults?.workspace?.trim() || places.workspaceDir;
  return named ? absolutePath(named, places) : join(places.stateDir, "workspace");
}

/** An agent's workspace, which OpenClaw 2026.9 chooses where its entry does not name it. */
export function workspaceIn(config: OpenClawConfig, agentId: string, places: OpenClawPlaces): string {
  const own = config.agents?.entries?.[agentId]?.workspace?.trim();
  if (own) return absolutePath(own, places);
  if (agentId === reservedAgentId) return commonWorkspace(config, places);
  return config.agents?.defaults?.workspace?.trim()
    ? join(commonWorkspace(config, places), agentId)
    : join(places.stateDir, `workspace-${agentId}`);
}

function heldBesides(config: OpenClawConfig, agentId: string, places: OpenClawPlaces): string[] {
  const others = Object.keys(config.agents?.entries ?? {}).filter((id) => id !== agentId);
  return [commonWorkspace(config, places), ...others.map((id) => workspaceIn(config, id, places))];
}
