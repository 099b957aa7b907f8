import { createHash } from "node:crypto";
import type { PriceTable, TableRow } from "../../src/prices/table-row.ts";
import added from "./added.json" with { type: "json" };
import { matchNames } from "./match-names.ts";
import { release, sourceModels, sourceProviders } from "./source.ts";
import { writeDated } from "./write-price.ts";

const unique = (names: string[]): string[] => [...new Set(names)].sort();
const usd = (amount: number): number => Math.ceil(Number((amount * 1_000_000).toFixed(6)));

/** Models without a price per token, by name: they stay unknown. */
export interface MadeTable {
  table: PriceTable;
  unpriced: string[];
}

/** @throws Error for what the release holds and the table cannot say */
export function makeTable(): MadeTable {
  const unpriced: string[] = [];
  const providers: Record<string, TableRow[]> = {};
  for (const [provider, source] of Object.entries(sourceProviders)) {
    providers[provider] = sourceModels(source).flatMap((model): TableRow[] => {
      const names = matchNames(model.match);
      const is = unique(names.is.filter((name) => source.models.test(name)));
      const begins = unique(names.begins);
      const free = Object.keys(model.prices).length === 0 && model.id.endsWith(":free");
      if (free) return [{ is, input: 0, output: 0 }];
      const price = writeDated(model.prices, release.day, /claude/.test(model.id));
      if (!price) {
        unpriced.push(`${provider}/${model.id}`);
        return [];
      }
      const { written, later } = price;
      return [{ is, ...(begins.length > 0 && { begins }), ...written, ...(later.length > 0 && { later }) }];
    });
  }
  for (const { provider, begins, read: _, webSearch, ...rates } of added.rows) {
    const [input, output, cacheRead, cacheWrite, cacheWrite1h] = [
      usd(rates.input),
      usd(rates.output),
      usd(rates.cacheRead),
      usd(rates.cacheWrite),
      usd(rates.cacheWrite1h),
    ];
    const row = { is: [], begins: [begins], input, output, cacheRead, cacheWrite, cacheWrite1h };
    providers[provider]!.push({ ...row, webSearch: usd(webSearch) });
  }
  for (const [provider, rows] of Object.entries(providers)) refuseTwice(provider, rows);
  const hash = createHash("sha256").update(JSON.stringify(providers)).digest("hex");
  return { table: { source: `${release.package} ${release.version}`, asOf: release.day, hash, providers }, unpriced };
}

/** One name in two rows is one price too many. */
function refuseTwice(provider: string, rows: TableRow[]): void {
  for (const kind of ["is", "begins"] as const) {
    const names = rows.flatMap((row) => row[kind] ?? []);
    const twice = names.filter((name, at) => names.indexOf(name) !== at);
    if (twice.length > 0) throw new Error(`${provider}: two rows for ${twice.join(", ")}`);
  }
}

/** A row a line, so that a diff shows what a new release changes. */
export function tableText({ providers, ...head }: PriceTable): string {
  const blocks = Object.entries(providers).map(
    ([name, rows]) =>
      `    ${JSON.stringify(name)}: [\n${rows.map((row) => `      ${JSON.stringify(row)}`).join(",\n")}\n    ]`,
  );
  const lines = Object.entries(head).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},`);
  return `{\n${lines.join("\n")}\n  "providers": {\n${blocks.join(",\n")}\n  }\n}\n`;
}
