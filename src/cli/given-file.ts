import type { CliEnvironment } from "./environment.ts";
import { wrongUsage } from "./failure.ts";

/** The system's refusals in words, and their refusals. */
const refusals: Record<string, string> = {
  ENOENT: "there is no such file; correct the path",
  ENOTDIR: "a part of its path is no directory; correct the path",
  EISDIR: "it is a directory; name a file in it",
  ELOOP: "it is a symbolic link; name the file itself",
  EACCES: "this user may not read it; let this user read it, or copy it",
};

/**
 * The text of a file that the operator names, or of stdin (`-`): a container has none of its host's files.
 *
 * @param given the option or argument that names it
 */
export async function readGivenFile(cli: CliEnvironment, given: string, path: string): Promise<string> {
  if (path === "-") return await cli.readStdin();
  try {
    return await cli.readFile(path);
  } catch (error) {
    throw wrongUsage(`${given}: ${whyUnread(path, error)}`);
  }
}

/** The system's refusal in words, with the remedy. */
export function whyUnread(path: string, error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: string };
  if (typeof code !== "string") return message ?? `${path} cannot be read`;
  return `${path} cannot be read: ${refusals[code] ?? code}`;
}
