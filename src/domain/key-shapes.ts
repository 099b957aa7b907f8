import { keyPrefixes } from "./provider-facts.ts";

/**
 * Secrets that end up where a name belongs: pasted into the wrong field, or into a path. Names are written down (in the
 * audit trail, in logs, in lists), so that a text in which there is one is refused. Only what can hardly be a name
 * counts: a maker's prefix, and behind it as much as a key has.
 */
const shapes = [
  ...keyPrefixes.map(keyShape),
  // Ours, of which the id alone is no secret.
  /oc[cpsv]_[a-z0-9]{16}_[a-z0-9]{8,}/giu,
  /oc[cpsv]_[a-z0-9]{24,}/giu,
  // Those of nothing but the prefix: a name may begin so, but has no such run of letters and digits.
  /(?<![a-z0-9])sk-(?=[\w-]*\d)[\w-]*[a-z0-9]{16,}[\w-]*/giu,
  /(?<![a-zA-Z0-9])sk-(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{20,}/gu,
  /(?<![a-z0-9])(?:ya29|aq)\.[\w-]{20,}/giu,
  /(?<![a-z0-9])(?:gsk|hf|xai|pplx|nvapi|tgp|r8|csk|dsk)[-_](?=[\w-]*\d)(?=[\w-]*[a-z0-9]{16})[\w-]{20,}/giu,
  /(?<![a-z0-9])(?:gh[opsur]|github_pat|glpat|xox[abeprs])[-_](?=[\w-]*\d)(?=[\w-]*[a-z0-9]{10})[\w-]{20,}/giu,
  /(?<![a-z0-9])akia[a-z0-9]{16}/giu,
  /(?<![a-z0-9])eyj[\w-]{10,}\.[\w-]{8,}/giu,
  /-----BEGIN[A-Z -]*PRIVATE KEY-----[\s\S]*/gu,
];

/** A prefix without a hyphen at its end may begin a word. Before one with `sk-` a task and a risk may end. */
function keyShape(prefix: string): RegExp {
  const rest = prefix.endsWith("-") ? "(?=[\\w-]*\\d)[\\w-]{12,}" : "[\\w-]{30,}";
  return new RegExp(`(?<![a-z0-9])${prefix}${rest}`, "giu");
}

const shortest = 17;

/** Whether there is a key in the text, whatever is around it. */
export const holdsKey = (text: string): boolean =>
  text.length >= shortest && shapes.some((shape) => text.search(shape) !== -1);

/** The text without the keys in it, for messages that quote what somebody sent. */
export const withoutKeys = (text: string): string => shapes.reduce((rest, shape) => rest.replace(shape, "[key]"), text);

/** The text as it was before whoever sent it percent-encoded it, however often. */
export function decodedFully(text: string): string {
  let rest = text;
  for (let round = 0; round < 4 && rest.includes("%"); round++) {
    // A part that is no encoding must not hide the others.
    const next = rest.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
      try {
        return decodeURIComponent(run);
      } catch {
        return run;
      }
    });
    if (next === rest) break;
    rest = next;
  }
  return rest;
}
