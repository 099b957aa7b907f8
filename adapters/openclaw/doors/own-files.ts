import { posix } from "node:path";

/**
 * Paths in which each character stands for itself: OpenClaw takes a home's sign and URLs, whose parser leaves out tabs,
 * queries and fragments, and cuts away what a model leaves of its markup (`</arg_value>>`).
 */
const plain = /^(?![\s@]*(?:~|file:))[^\p{Cc}\p{Zl}\p{Zp}<>]*$/iu;

/**
 * OpenClaw loads plugins and hooks from every agent's workspace into the gateway's own process, wherever it takes the
 * workspace to be. A hook is as many files as it likes: its whole directory is none of the agent's. OpenClaw also asks
 * git there for what a session changed, which runs the programs that the repository's settings name, and `HEAD` makes
 * any directory a repository.
 */
const code = /^hooks(\/|$)|(^|\/)(\.openclaw\/extensions(\/|$)|hooks\/(.*\/)?HOOK\.md$|\.git(\/|$)|HEAD$)/iu;

/** A way up may be a name to the filesystem, as `..\` is: `hooks/..\/x` would lead out of `hooks` here alone. */
const up = /(^|\/)\s*\.\.\s*(\/|$)/;

/** @param roots the directory of a relative path first */
function isOwnFile(path: string, roots: readonly string[]): boolean {
  if (!plain.test(path)) return false;
  // What cannot be seen is left out where a filesystem leaves it out, and `@` before a path by OpenClaw.
  const seen = path
    .replace(/\p{Cf}|\p{Default_Ignorable_Code_Point}/gu, "")
    .replaceAll("\\", "/")
    .trim()
    .replace(/^@+/, "");
  if (up.test(seen)) return false;
  const absolute = posix.resolve(roots[0]!, seen);
  // A root may lie in the other one: the path is read from each.
  const inside = roots.map((root) => posix.relative(root, absolute)).filter((one) => !/^\.\.(\/|$)/.test(one));
  return inside.length > 0 && !inside.some((one) => code.test(one));
}

/** The parameters that hold a file's text: every other one may name a file. */
const texts = new Set(["content", "edits", "oldText", "newText", "old_string", "new_string"]);

/** A line of a patch's text is no path, and its headers are. */
const headersOf = (patch: string): string[] =>
  patch.split("\n").flatMap((line) => /^\s*\*\*\*\s[^:*]*:(.*)$/s.exec(line)?.[1]?.trim() ?? []);

/** Whether a call of a tool that writes names files of the workspace alone, and none that runs as code. */
export function writesOwnFiles(toolName: string, params: unknown, roots: readonly string[]): boolean {
  const named =
    typeof params === "string"
      ? [params]
      : Object.entries(Object(params)).flatMap(([name, value]) => (texts.has(name) ? [] : [String(value)]));
  const paths = toolName === "apply_patch" ? named.flatMap(headersOf) : named;
  return paths.every((path) => isOwnFile(path, roots));
}
