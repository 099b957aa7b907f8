import { posix } from "node:path";

/**
 * Paths in which each character stands for itself: OpenClaw takes a home's sign and URLs, whose parser leaves out tabs,
 * queries and fragments, and cuts away what a model leaves of its markup (`</arg_value>>`).
 */
const plain = /^(?!@*(?:~|file:))[^\p{Cc}\p{Zl}\p{Zp}<>]*$/iu;

/**
 * OpenClaw loads plugins and hooks from every agent's workspace into the gateway's own process, wherever it takes the
 * workspace to be. A hook is as many files as it likes: its whole directory is none of the agent's. OpenClaw also asks
 * git there for what a session changed, which runs the programs that the repository's settings name, and `HEAD` makes
 * any directory a repository.
 */
const code = /^hooks(\/|$)|(^|\/)(\.openclaw\/extensions(\/|$)|hooks\/(.*\/)?HOOK\.md$|\.git(\/|$)|HEAD$)/i;

/** A backslash is a letter of a name to some, and a slash to others: what comes before `..` depends on it. */
const readingsOf = (path: string): string[] =>
  [path, path.replaceAll("\\", "/")].map((reading) => reading.trim().replace(/^@+/, ""));

/** @param roots the directory of a relative path first */
function isOwnFile(path: string, roots: readonly string[]): boolean {
  if (!plain.test(path)) return false;
  return readingsOf(path).every((reading) => {
    const absolute = posix.resolve(roots[0]!, reading);
    return roots.some((root) => {
      const within = posix.relative(root, absolute);
      // What cannot be seen is left out where a filesystem leaves it out, and makes a name of `..` before.
      return !/^\.\.(\/|$)/.test(within) && !code.test(within.replace(/\p{Cf}/gu, "").trim());
    });
  });
}

/** The parameters that hold a file's text: every other one may name a file. */
const texts = new Set(["content", "edits", "oldText", "newText", "old_string", "new_string"]);

/** A line of a patch's text is no path, and its headers are. */
const headersOf = (patch: string): string[] =>
  patch.split("\n").flatMap((line) => /^\s*\*\*\*[^:]*:(.*)$/s.exec(line)?.[1]?.trim() ?? []);

/** Whether a call of a tool that writes names files of the workspace alone, and none that runs as code. */
export function writesOwnFiles(toolName: string, params: unknown, roots: readonly string[]): boolean {
  const named =
    typeof params === "string"
      ? [params]
      : Object.entries(Object(params)).flatMap(([name, value]) => (texts.has(name) ? [] : [String(value)]));
  const paths = toolName === "apply_patch" ? named.flatMap(headersOf) : named;
  return paths.every((path) => isOwnFile(path, roots));
}
