import { escapeHidden, hasHiddenCharacters } from "../domain/hidden-characters.ts";
import { Problem } from "../errors.ts";

/** The caller's own words, fit for a message. */
const quoted = (path: string): string => `"${escapeHidden(path.slice(0, 200))}"`;

/** The path is shortened to 200 characters, and shows what a terminal would hide. */
export const workspaceProblem = (path: string, fault: string): Problem =>
  new Problem("workspace_not_allowed", `The workspace ${quoted(path)} ${fault}`);

/**
 * The verdict on a workspace by its text alone, on any runtime.
 *
 * @returns the segments below `/`, or below the home directory
 * @throws Problem `workspace_not_allowed`
 */
export function parseWorkspaceText(path: string): { from: "root" | "home"; segments: string[] } {
  if (hasHiddenCharacters(path)) {
    throw workspaceProblem(path, "must not contain a control character, nor another that shows nothing; remove it.");
  }
  if (!path.isWellFormed()) throw workspaceProblem(path, "is not well-formed Unicode: no file system has that name.");
  const from = path.startsWith("/") ? "root" : path.startsWith("~/") ? "home" : undefined;
  if (!from) throw workspaceProblem(path, 'must be an absolute path, or begin with "~/".');
  const segments = (from === "root" ? path : path.slice(1)).split("/").filter((one) => one !== "" && one !== ".");
  if (segments.includes("..")) throw workspaceProblem(path, 'must not contain ".."; name the directory itself.');
  return { from, segments };
}
