export type LabelMap = Readonly<Record<string, string>>;

/** Names are operators' own: one may be that of something every object has. */
export const labelOf = (labels: LabelMap | undefined, name: string): string | undefined =>
  labels && Object.hasOwn(labels, name) ? labels[name] : undefined;

/** @param wanted each of the form `name:value`; all must match */
export function labelMatcher(wanted: readonly string[]): (labels: LabelMap | undefined) => boolean {
  const pairs = wanted.map((text) => [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)] as const);
  return (labels) => pairs.every(([name, value]) => labelOf(labels, name) === value);
}

/** The label's name in `by=label:tenant`; `undefined` for another grouping. */
export const groupingLabel = (by: string): string | undefined => /^label:([a-z0-9._/-]{1,63})$/.exec(by)?.[1];

/** The names that most of these have, in their order. */
export function labelNames(all: readonly { labels?: LabelMap | undefined }[], most: number): string[] {
  const counts = new Map<string, number>();
  for (const { labels } of all) for (const name in labels) counts.set(name, (counts.get(name) ?? 0) + 1);
  const known = [...counts].sort(([, one], [, other]) => other - one).slice(0, most);
  return known.map(([name]) => name).sort();
}

/** Merged; `null` removes one. `undefined` where none is left. */
export function mergedLabels(
  labels: LabelMap | undefined,
  change: Readonly<Record<string, string | null>>,
): Record<string, string> | undefined {
  const next = new Map(Object.entries(labels ?? {}));
  for (const [name, value] of Object.entries(change)) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  return next.size === 0 ? undefined : Object.fromEntries([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * A replacer of `JSON.stringify`: a caller's map may have its names in another order each time. The schemas order all
 * other fields.
 */
export const labelsInOrder = (field: string, value: unknown): unknown =>
  field === "labels" && typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value;
