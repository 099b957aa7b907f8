/** The fields that add up. */
type Sums<Row> = { [name in keyof Row as Row[name] extends number ? name : never]: number };

/** Adds up rows that have the same key. */
export function groupUsage<Row extends object>(
  rows: Iterable<Row>,
  keyOf: (row: Row) => string,
  sums: readonly (keyof Sums<Row>)[],
): Map<string, Sums<Row>> {
  const groups = new Map<string, Sums<Row>>();
  for (const row of rows) {
    const key = keyOf(row);
    const amounts = row as Sums<Row>;
    const group = groups.get(key);
    if (group === undefined)
      groups.set(key, Object.fromEntries(sums.map((name) => [name, amounts[name]])) as Sums<Row>);
    else for (const name of sums) group[name] = (group[name] + amounts[name]) as Sums<Row>[typeof name];
  }
  return groups;
}
