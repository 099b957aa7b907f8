import type * as z from "zod/mini";
import english from "zod/v4/locales/en.js";

// `zod/mini` speaks no language by itself: every fault would be "Invalid input".
const { localeError } = english();

const kinds: Record<string, string> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "an array",
  object: "an object",
  record: "an object",
};

/**
 * For a parse whose faults somebody reads. Given to each such parse: `z.config` would set the words of every zod of the
 * process, OpenClaw's own too.
 */
export const wording: z.core.ParseContext<z.core.$ZodIssue> = {
  error(issue) {
    if (issue.input === undefined) return "is required";
    const kind = issue.code === "invalid_type" ? kinds[issue.expected] : undefined;
    return kind === undefined ? localeError(issue) : `must be ${kind}`;
  },
};
