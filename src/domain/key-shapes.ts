import { keyPrefixes } from "./provider-facts.ts";

/**
 * Secrets that end up where a name belongs: pasted into the wrong field, or into a path. Names are written down (in the
 * audit trail, in logs, in lists), so that a text in which there is one is refused. Only what can hardly be a name
 * counts: a maker's prefix, and behind it as much as a key has.
 */
const shapes = [
  ...keyPrefixes.map(makersShape),
  // Ours, of which the id alone is no secret.
  shape("oc[cpsv]_", "[a-z0-9]{16}_[a-z0-9]{8,}", ""),
  shape("oc[cpsv]_", "[a-z0-9]{24,}", ""),
  // Those of nothing but the prefix: a name may begin so, but has no such run of letters and digits.
  shape("(?<![a-z0-9])sk-", "(?=[\\w-]*\\d)[\\w-]*[a-z0-9]{16,}[\\w-]*"),
  shape("(?<![a-zA-Z0-9])sk-", "(?=[\\w-]*\\d)(?=[\\w-]*[a-z])(?=[\\w-]*[A-Z])[\\w-]{20,}", "[\\w-]*", "gu"),
  shape("(?<![a-z0-9])(?:ya29|aq)\\.", "[\\w-]{20,}", ""),
  shape(
    "(?<![a-z0-9])(?:gsk|hf|xai|pplx|nvapi|tgp|r8|csk|dsk)[-_]",
    "(?=[\\w-]*\\d)(?=[\\w-]*[a-z0-9]{16})[\\w-]{20,}",
  ),
  shape(
    "(?<![a-z0-9])(?:gh[opsur]|github_pat|glpat|xox[abeprs])[-_]",
    "(?=[\\w-]*\\d)(?=[\\w-]*[a-z0-9]{10})[\\w-]{20,}",
  ),
  shape("(?<![a-z0-9])akia", "[a-z0-9]{16}", ""),
  shape("(?<![a-z0-9])eyj", "[\\w-]{10,}\\.[\\w-]{8,}"),
  shape("-----BEGIN", "[A-Z -]*PRIVATE KEY-----[\\s\\S]*", "[A-Z -]*", "gu"),
];

/**
 * A run of characters with no key behind one prefix has none behind a later one of its own: `run` passes over it.
 * Without that, a text of nothing but prefixes would be read to its end once for each.
 */
function shape(prefix: string, rest: string, run = "[\\w-]*", flags = "giu"): RegExp {
  return new RegExp(`${prefix}(?:(${rest})|${run})`, flags);
}

/** A prefix without a hyphen at its end may begin a word. Before one with `sk-` a task and a risk may end. */
function makersShape(prefix: string): RegExp {
  const rest = prefix.endsWith("-") ? "(?=[\\w-]*\\d)[\\w-]{12,}" : "[\\w-]{30,}";
  return shape(`(?<![a-z0-9])${prefix}`, rest);
}

const shortest = 17;

function isFoundIn(text: string, keyShape: RegExp): boolean {
  for (const [, rest] of text.matchAll(keyShape)) if (rest !== undefined) return true;
  return false;
}

/** Whether there is a key in the text, whatever is around it. */
export const holdsKey = (text: string): boolean =>
  text.length >= shortest && shapes.some((keyShape) => isFoundIn(text, keyShape));

const withoutKey = (found: string, rest: string | undefined): string => (rest === undefined ? found : "[key]");

/** The text without the keys in it, for messages that quote what somebody sent. */
export const withoutKeys = (text: string): string =>
  shapes.reduce((rest, keyShape) => rest.replace(keyShape, withoutKey), text);

/** Well-formed UTF-8, percent-encoded: RFC 3629, section 4. */
const encodedText =
  /^(?:%[0-7][\da-f]|%(?:c[2-9a-f]|d[\da-f])%[89ab][\da-f]|%(?:e0%[ab]|e[1-9a-cef]%[89ab]|ed%[89])[\da-f]%[89ab][\da-f]|%(?:f0%[9ab]|f[1-3]%[89ab]|f4%8)[\da-f](?:%[89ab][\da-f]){2})+$/i;

/** The text as it was before whoever sent it percent-encoded it, however often. */
export function decodedFully(text: string): string {
  let rest = text;
  for (let round = 0; round < 4 && rest.includes("%"); round++) {
    // A part that is no encoding must not hide the others. It is told beforehand: a path may hold thousands, and each
    // exception takes as long as a short request.
    const next = rest.replace(/(?:%[0-9a-f]{2})+/gi, (run) => (encodedText.test(run) ? decodeURIComponent(run) : run));
    if (next === rest) break;
    rest = next;
  }
  return rest;
}
