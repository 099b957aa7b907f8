import { lstatSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve, sep } from "node:path";
import { parseWorkspaceText, workspaceProblem } from "../../../src/host/workspace-text.ts";
import { SettingsError } from "../../../src/settings.ts";

/** What is in the state directory for the service, OpenClaw or an operator, and never an agent's to write. */
const kept = new Set(["provisioning", "agents", "config.json", "openclaw.json", "dev.env", "credentials", "plugins"]);

/** Linux takes paths of up to 4,095 bytes, and something is to be in a workspace. */
const maxPathBytes = 3_900;

export interface WorkspacePlace {
  /** Absolute, symlinks resolved. */
  path: string;
  /** The part of it that is there: `path` itself, or its longest existing ancestor. */
  existing: string;
}

export interface WorkspacePaths {
  /** @throws Problem `workspace_not_allowed` */
  place(agentId: string, workspace?: string): WorkspacePlace;
  /** Whether this agent's workspace may be at this path, in which no symlink is left. */
  holds(agentId: string, path: string): boolean;
  /** Whether it may be, or lie in, another agent's workspace. Not so what is new and right in a root. */
  mayBeAnothers(place: WorkspacePlace): boolean;
}

/**
 * @param options.stateDir an existing directory, symlinks resolved
 * @param options.workspaceRoots default: the state directory
 * @param options.home what `~/` stands for
 * @throws SettingsError for a root that is neither absolute nor begins with `~/`
 */
export function createWorkspacePaths(options: {
  stateDir: string;
  workspaceRoots?: string[] | undefined;
  home?: string;
}): WorkspacePaths {
  const { stateDir, home = homedir() } = options;
  const roots = (options.workspaceRoots ?? [stateDir]).map((root, at) => {
    // `resolve`, and not `join`, takes a slash at the end off.
    if (root.startsWith("~/")) return resolve(home, `./${root.slice(2)}`);
    if (isAbsolute(root)) return resolve(root);
    throw new SettingsError(
      `gateway.provisioning.workspaceRoots.${at} is "${root}"; it must be an absolute path or begin with "~/"`,
    );
  });

  const isInARoot = (path: string) => roots.some((root) => isInside(path, resolveExisting(root)?.path ?? root));

  const defaultPath = (agentId: string) => join(stateDir, `workspace-${agentId}`);

  function faultOf(agentId: string, path: string): string | undefined {
    if (Buffer.byteLength(path) > maxPathBytes)
      return `is too long: it may have ${maxPathBytes} bytes, so that the files in it can be reached.`;
    if (path === stateDir || isInside(stateDir, path))
      return "is or contains the state directory; choose one inside it.";
    if (isInside(path, stateDir)) {
      // Some file systems ignore case: `Agents` may be `agents`.
      const first = path.slice(stateDir.length + 1).split(sep)[0]!;
      if (kept.has(first.toLowerCase())) return "is kept for the service's own files; choose another directory.";
    }
    // Our own choice is right wherever the roots are.
    if (path === defaultPath(agentId)) return undefined;
    if (isInARoot(path)) return undefined;
    return (
      "is outside of the directories in which workspaces may be; choose one inside them " +
      '(gateway.provisioning.workspaceRoots, by default the state directory), or leave "workspace" out.'
    );
  }

  return {
    place(agentId, workspace) {
      const asked = workspace ?? defaultPath(agentId);
      const { from, segments } = parseWorkspaceText(asked);
      const path = join(from === "home" ? home : sep, ...segments);
      const place = resolveExisting(path);
      if (!place)
        throw workspaceProblem(
          asked,
          "cannot be reached: a part of it is a file, a dead link, too long or closed to the service.",
        );
      const fault = faultOf(agentId, place.path);
      if (fault !== undefined) throw workspaceProblem(asked, fault);
      const there = lstatSync(path, { throwIfNoEntry: false });
      if (there?.isSymbolicLink())
        throw workspaceProblem(asked, "is a symbolic link; name the directory that it leads to.");
      if (there && !there.isDirectory()) throw workspaceProblem(asked, "is a file; choose another name.");
      return place;
    },
    holds: (agentId, path) => faultOf(agentId, path) === undefined,
    mayBeAnothers({ path, existing }) {
      if (existing === path) return true;
      const parent = dirname(path);
      return parent !== stateDir && (isInside(parent, stateDir) || isInARoot(parent));
    },
  };
}

const isInside = (path: string, directory: string): boolean =>
  path.startsWith(directory === sep ? sep : directory + sep) && path !== directory;

/** Resolves the longest existing ancestor; `undefined` where that is no directory, or a link that leads nowhere. */
function resolveExisting(path: string): WorkspacePlace | undefined {
  const missing: string[] = [];
  try {
    for (let at = path; ; at = dirname(at)) {
      // Of a link it is the link that counts as being there: followed, a dead one would look like a free name.
      const there = lstatSync(at, { throwIfNoEntry: false });
      if (!there) {
        missing.unshift(at.slice(dirname(at).length).replace(sep, ""));
        continue;
      }
      const existing = realpathSync.native(at);
      if (missing.length > 0 && !lstatSync(existing).isDirectory()) return undefined;
      return { path: join(existing, ...missing), existing };
    }
  } catch {
    return undefined;
  }
}
