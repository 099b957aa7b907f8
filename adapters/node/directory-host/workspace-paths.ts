import { lstatSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { parseWorkspaceText, workspaceProblem } from "../../../src/host/workspace-text.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";
import { foldedPath } from "./overlap.ts";

/** The entries of the state directory for the service, OpenClaw or an operator. They never were an agent's. */
const reserved = new Set([
  "provisioning",
  "agents",
  "config.json",
  "openclaw.json",
  "dev.env",
  "credentials",
  "plugins",
]);
/** Names of what may be no root: those, what OpenClaw is known by, and the code that it loads for every agent. */
const rootless = new Set([...reserved, "identity", "devices", ".ssh", "extensions", "hooks", "skills"]);

/** All that a caller may name in the state directory. In lower case, also where `Workspaces` is the same directory. */
const isGiven = (inState: string): boolean => /^(workspace-[^/]|workspaces\/[^/])/.test(inState);

/** Linux takes paths of up to 4,095 bytes, and something is to be in a workspace. */
const maxPathBytes = 3_900;
const maxNameBytes = 255;

const stateRule =
  'there, only "workspace-<name>" and "workspaces/<name>" may be workspaces, and what is in a directory of ' +
  "gateway.provisioning.workspaceRoots";
const keptFault = "that is kept for the service and for OpenClaw: name another directory";

/** A path that may become a workspace. */
export interface WorkspacePlace {
  /** Absolute, symlinks resolved. */
  path: string;
  /** The part of it that is there: `path` itself, or its longest existing ancestor. */
  existing: string;
}

/** The rule of where workspaces may be: inside the roots, and off the service's own files. */
export interface WorkspacePaths {
  /** @throws Problem `workspace_not_allowed` */
  place(agentId: string, workspace?: string): WorkspacePlace;
  /** Whether an agent could be made now with this path, in which no symlink is left. */
  mayBeGiven(agentId: string, path: string): boolean;
  /** Whether an agent may have been made with it, by this release or by one before: such a workspace is its own. */
  holds(agentId: string, path: string): boolean;
  /** An agent's workspace unless another is named. */
  defaultPath(agentId: string): string;
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
  /** Its place in the state directory, if that is where it is. */
  const inState = (path: string) => (isInside(path, stateDir) ? path.slice(stateDir.length + 1) : undefined);
  function isOneOf(names: ReadonlySet<string>, path: string): boolean {
    const first = inState(path)?.split(sep)[0];
    // Some file systems ignore case: `Agents` may be `agents`.
    return first !== undefined && names.has(first.toLowerCase());
  }
  const roots = (options.workspaceRoots ?? [stateDir]).map((root, at) => {
    // `resolve`, and not `join`, takes a slash at the end off.
    const path = root.startsWith("~/") ? resolve(home, `./${root.slice(2)}`) : isAbsolute(root) ? resolve(root) : "";
    const fault =
      path === "" ? 'it must be an absolute path or begin with "~/"' : isOneOf(rootless, path) ? keptFault : undefined;
    if (fault === undefined) return path;
    throw new SettingsError(`gateway.provisioning.workspaceRoots.${at} is "${root}"; ${fault}`);
  });

  const isInARoot = (path: string) => roots.some((root) => isInside(path, resolveExisting(root)?.path ?? root));

  const defaultPath = (agentId: string) => join(stateDir, `workspace-${agentId}`);

  /** The path's fault that was always one, for every agent. */
  function lastingFaultOf(path: string): string | undefined {
    if (Buffer.byteLength(path) > maxPathBytes)
      return `is too long: it may have ${maxPathBytes} bytes, so that the files in it can be reached.`;
    if (path.split(sep).some((name) => Buffer.byteLength(name) > maxNameBytes))
      return `has a name that is too long: each may have ${maxNameBytes} bytes.`;
    const [folded, state] = [foldedPath(path), foldedPath(stateDir)];
    if (folded === state || isInside(state, folded)) return `is or contains the state directory; ${stateRule}.`;
    // To some file systems `.OpenClaw` is `.openclaw`, and its links are resolved without a word of that.
    if (isInside(folded, state) && inState(path) === undefined)
      return `spells the state directory in another way; ${stateRule}.`;
    return undefined;
  }

  function faultOf(agentId: string, path: string): string | undefined {
    const fault = lastingFaultOf(path);
    if (fault !== undefined) return fault;
    // Our own choice is right wherever the roots are.
    if (path === defaultPath(agentId)) return undefined;
    const place = inState(path);
    if (place !== undefined && !isGiven(place)) {
      const own = roots.some((root) => {
        const real = resolveExisting(root)?.path ?? root;
        return isInside(real, stateDir) && isInside(path, real);
      });
      if (!own) return `is in the state directory but not where a workspace may be; ${stateRule}.`;
      if (isOneOf(rootless, path)) return `is kept for the service and for OpenClaw; ${stateRule}.`;
    }
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
    mayBeGiven: (agentId, path) => faultOf(agentId, path) === undefined,
    holds: (agentId, path) =>
      lastingFaultOf(path) === undefined &&
      (path === defaultPath(agentId) || (!isOneOf(reserved, path) && isInARoot(path))),
    defaultPath,
    mayBeAnothers({ path, existing }) {
      if (existing === path) return true;
      const parent = dirname(path);
      return parent !== stateDir && (isInside(parent, stateDir) || isInARoot(parent));
    },
  };
}

const isInside = (path: string, directory: string): boolean =>
  path.startsWith(directory === sep ? sep : directory + sep) && path !== directory;

/** The directories that have to be made for a place, from the first on. */
export const missingIn = ({ path, existing }: WorkspacePlace): string[] =>
  relative(existing, path)
    .split(sep)
    .filter((one) => one !== "");

/** @throws Problem `workspace_not_allowed` where a directory above became a link between the look and the making */
export function requireUnlinked({ path }: WorkspacePlace): void {
  if (realpathSync.native(path) === path) return;
  throw workspaceProblem(path, "was replaced by a link while it was being made.");
}

/** Resolves the longest existing ancestor; `undefined` where that is no directory, or a link that leads nowhere. */
export function resolveExisting(path: string): WorkspacePlace | undefined {
  const missing: string[] = [];
  try {
    for (let at = path; ; at = dirname(at)) {
      // The link itself counts as being there: followed, a dead one would look like a free name.
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
