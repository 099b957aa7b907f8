import { wordsOf } from "./typed.ts";

/** `tenant:acme plan:pro`, as they are typed. */
export const labelText = (labels: Readonly<Record<string, string>> = {}): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}:${value}`)
    .join(" ");

/** A label without a value gets an empty one, which the API then names. */
export const parseLabels = (text: string): Record<string, string> =>
  Object.fromEntries(
    wordsOf(text).map((part) => {
      const at = part.indexOf(":");
      return at === -1 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
    }),
  );

/** A change of labels: `null` removes one. */
export function changedLabels(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): Record<string, string | null> {
  const gone = Object.keys(before).filter((name) => after[name] === undefined);
  const set = Object.entries(after).filter(([name, value]) => before[name] !== value);
  return Object.fromEntries([...set, ...gone.map((name) => [name, null])]);
}

/** `plan:pro tenant:` sets one and removes the other. */
export const parseLabelChange = (text: string): Record<string, string | null> =>
  Object.fromEntries(Object.entries(parseLabels(text)).map(([name, value]) => [name, value === "" ? null : value]));
