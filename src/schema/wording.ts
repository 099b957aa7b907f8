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

const units: Record<string, string> = { string: "characters", array: "items" };

function ownWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return kinds[issue.expected] && `must be ${kinds[issue.expected]}`;
    case "invalid_value":
      return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`;
    case "too_small": {
      const unit = units[issue.origin];
      if (unit === undefined) return `must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}`;
      return issue.minimum === 1 ? "must not be empty" : `at least ${issue.minimum} ${unit}`;
    }
    case "too_big": {
      const unit = units[issue.origin];
      return unit === undefined ? `must be at most ${issue.maximum}` : `at most ${issue.maximum} ${unit}`;
    }
    default:
      return undefined;
  }
}

/**
 * The words for a parse whose faults somebody reads. Given to each such parse: `z.config` would set those of every zod
 * of the process, OpenClaw's own too.
 */
export const wording: z.core.ParseContext<z.core.$ZodIssue> = {
  error(issue) {
    return issue.input === undefined ? "is required" : (ownWords(issue) ?? localeError(issue));
  },
};
