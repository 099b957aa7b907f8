import type { ComponentChildren } from "preact";
import { t } from "../texts.ts";

/** One column of a table, by the rows' own values. */
export interface Column<Row> {
  key: string;
  label: string;
  cell: (row: Row) => ComponentChildren;
  /** Numbers are aligned at their end. */
  num?: boolean;
  tight?: boolean;
  /** The list's order under this column; absent: the column never orders it. */
  sort?: string;
}

interface Chosen {
  ids: ReadonlySet<string>;
  choose(ids: ReadonlySet<string>): void;
}

interface TableProps<Row> {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string;
  /** `-share`: descending. */
  sort?: string | undefined;
  onSort?: (sort: string) => void;
  chosen?: Chosen;
}

/** Roles are spelled out: on a narrow screen the rows are cards, and are a table all the same. */
export function Table<Row>({ label, columns, rows, id, sort, onSort, chosen }: TableProps<Row>) {
  return (
    <table class="table" role="table" aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {chosen && (
            <th role="columnheader" scope="col" class="tight">
              <ChooseAll ids={rows.map(id)} chosen={chosen} />
            </th>
          )}
          {columns.map((column) => (
            <Heading key={column.key} column={column} sort={sort} onSort={onSort} />
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={id(row)} role="row">
            {chosen && (
              <td role="cell" class="tight">
                <ChooseOne id={id(row)} chosen={chosen} />
              </td>
            )}
            {columns.map(({ key, label: title, cell, num, tight }, at) => (
              <td
                key={key}
                role="cell"
                data-label={at === 0 || title === "" ? undefined : title}
                class={num ? "num" : tight ? "tight" : ""}
              >
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Heading<Row>({ column, sort, onSort }: { column: Column<Row> } & Pick<TableProps<Row>, "sort" | "onSort">) {
  const { sort: by, label, num, tight } = column;
  const className = num ? "num" : tight ? "tight" : "";
  if (by === undefined || !onSort) {
    return (
      <th role="columnheader" scope="col" class={className}>
        {label === "" ? <span class="hidden">{t.table.actions}</span> : label}
      </th>
    );
  }
  const direction = sort === by ? "ascending" : sort === `-${by}` ? "descending" : undefined;
  // The most first: who looks for an order looks for what stands out.
  const next = sort === `-${by}` ? by : `-${by}`;
  return (
    <th role="columnheader" scope="col" class={className} aria-sort={direction}>
      <button type="button" onClick={() => onSort(next)}>
        {label}
        <span aria-hidden="true">{direction === "ascending" ? "↑" : direction === "descending" ? "↓" : ""}</span>
      </button>
    </th>
  );
}

function ChooseAll({ ids, chosen }: { ids: string[]; chosen: Chosen }) {
  const all = ids.length > 0 && ids.every((id) => chosen.ids.has(id));
  // Those of other pages stay as they are.
  const toggle = () => {
    const others = [...chosen.ids].filter((id) => !ids.includes(id));
    chosen.choose(new Set(all ? others : [...others, ...ids]));
  };
  return <input type="checkbox" aria-label={t.table.all} checked={all} onChange={toggle} />;
}

function ChooseOne({ id, chosen }: { id: string; chosen: Chosen }) {
  const toggle = () => {
    const next = new Set(chosen.ids);
    if (!next.delete(id)) next.add(id);
    chosen.choose(next);
  };
  return <input type="checkbox" aria-label={t.table.one(id)} checked={chosen.ids.has(id)} onChange={toggle} />;
}

/** Lines in place of rows that are on their way; they show only where that takes a while. */
export const Waiting = ({ lines = 4 }: { lines?: number }) => (
  <div class="stack" role="status" aria-label={t.table.loading}>
    {Array.from({ length: lines }, (_, line) => (
      <span key={line} class="skeleton" />
    ))}
  </div>
);
