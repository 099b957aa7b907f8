import { posix } from "node:path";

/** The tools that put files into a workspace, programs aside. */
export const writingTools = ["write", "edit", "apply_patch"] as const;

const decoded = (path: string): string => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};

/** Plugins, wherever OpenClaw takes the workspace to be, and a hook's own description. */
const loaded = /(^|[/@:])(\.openclaw\/extensions(\/|$)|hooks\/(.*\/)?HOOK\.md)/i;
/** `HEAD` makes any directory a repository, whose settings name programs. */
const repository = /(^|\/)(@?\.git(\/|$)|@?HEAD$)/i;

/**
 * OpenClaw loads plugins and hooks from every agent's workspace into the gateway's own process, and asks git there for
 * what a session changed, which runs the filters that the repository names. A hook is as many files as it likes: its
 * whole directory is none of the agent's.
 */
export function isCode(path: string, workspace: string): boolean {
  const written = posix.normalize(decoded(path).replaceAll("\\", "/"));
  const within = posix.relative(workspace, posix.resolve(workspace, written.replace(/^@|^file:(\/\/)?/i, "")));
  return /^hooks(\/|$)/i.test(within) || loaded.test(written) || repository.test(written);
}

/** The parameters that hold a file's text: every other one may name a file. */
const texts = new Set(["content", "edits", "oldText", "newText", "old_string", "new_string"]);

const headers = (patch: string): string[] =>
  [...patch.matchAll(/^\s*\*\*\*[^:\n]*:\s*(.*)$/gm)].map(([, target]) => target!);

export function writesCode(toolName: string, params: unknown, workspace: string): boolean {
  const isIt = (path: string) => isCode(path, workspace);
  if (typeof params === "string") return headers(params).some(isIt);
  const named = Object.entries(Object(params)).flatMap(([name, value]) => (texts.has(name) ? [] : [String(value)]));
  // A line of a patch's text is no path, and its headers are.
  return (toolName === "apply_patch" ? named.flatMap(headers) : named).some(isIt);
}
