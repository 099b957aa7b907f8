// Writes src/prices/table.json from the pinned release of @pydantic/genai-prices; the diff is to be read.
//   npm run prices              writes it
//   npm run prices -- --check   fails where it is stale
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTable, tableText } from "./prices/make-table.ts";
import { release } from "./prices/source.ts";

const root = join(import.meta.dirname, "..");
const file = join(root, "src/prices/table.json");
const installed = JSON.parse(readFileSync(join(root, "node_modules", release.package, "package.json"), "utf8")) as {
  version: string;
};
if (installed.version !== release.version) {
  console.error(
    `${release.package} ${installed.version} is installed: name it in scripts/prices/source.ts, with its day`,
  );
  process.exit(1);
}
const { table, unpriced } = makeTable();
if (process.argv.includes("--check")) {
  if (readFileSync(file, "utf8") !== tableText(table)) {
    console.error("src/prices/table.json is not that of the release: npm run prices");
    process.exit(1);
  }
} else writeFileSync(file, tableText(table));
const rows = Object.entries(table.providers).map(([provider, of]) => `${provider} ${of.length}`);
console.log(`${table.source} of ${table.asOf}: ${rows.join(", ")}; without a price per token: ${unpriced.join(", ")}`);
