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
 * that the gateway itself works in by default. One that an entry does not name is where OpenClaw 2026.9 puts it.
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

function heldBesides(config: OpenClawConfig, agentId: string, places: OpenClawPlaces): string[] {
  const { stateDir, workspaceDir } = places;
  const absolute = (text: string) => absolutePath(text, places);
  const common = config.agents?.defaults?.workspace?.trim();
  const held = [common ? absolute(common) : workspaceDir ? absolute(workspaceDir) : join(stateDir, "workspace")];
  for (const [id, entry] of Object.entries(config.agents?.entries ?? {})) {
    const own = entry.workspace?.trim();
    if (id === agentId) continue;
    if (own) held.push(absolute(own));
    else if (id !== reservedAgentId) {
      held.push(common ? join(absolute(common), id) : join(stateDir, `workspace-${id}`));
    }
  }
  return held;
}
