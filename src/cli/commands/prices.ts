import type { Command } from "commander";
import type { Client } from "../../client/client.ts";
import type { PriceList, PriceRow, PriceView } from "../../schema/price.ts";
import type { CliEnvironment } from "../environment.ts";
import { wrongUsage } from "../failure.ts";
import { readGivenFile } from "../given-file.ts";
import { leaf, type Tree } from "../leaf.ts";
import { price } from "../option-values.ts";
import type { Output } from "../output.ts";

const pageSize = 1000;

interface ListOptions {
  provider?: string;
  model?: string;
  source?: PriceView["source"];
}

async function readPrices(client: Client, options: ListOptions): Promise<Omit<PriceList, "nextCursor">> {
  const { provider, model, source } = options;
  let list: PriceList | undefined;
  for await (const page of client.prices.pages({ limit: pageSize, provider, model, source })) {
    list = { ...page, prices: [...(list?.prices ?? []), ...page.prices] };
  }
  const { nextCursor: _, ...whole } = list!;
  return whole;
}

const header = [
  "PROVIDER",
  "MODEL",
  "INPUT",
  "OUTPUT",
  "CACHE READ",
  "CACHE WRITE",
  "1 H",
  "PROMPTS",
  "SOURCE",
] as const;

function rowsOf(price: PriceView): string[][] {
  const { provider, model, source, tiers = [] } = price;
  const cells = (rates: Pick<PriceView, "input" | "output" | "cacheRead" | "cacheWrite" | "cacheWrite1h">) =>
    [rates.input, rates.output, rates.cacheRead, rates.cacheWrite, rates.cacheWrite1h].map(String);
  return [
    [provider, model, ...cells(price), "", source],
    ...tiers.map((tier) => [provider, model, ...cells(tier), `above ${tier.above.toLocaleString("en-US")}`, source]),
  ];
}

function addListCommand(tree: Tree, group: Command): void {
  leaf<{ provider?: string; model?: string; source?: string }>(tree, group, {
    name: "list",
    description: "List prices in USD per million tokens",
    configure: (command) =>
      command
        .option("--provider <provider>", "of this AI provider only")
        .option("--model <model>", "the price that counts for this model, as requests name it")
        .option("--source <source>", "api, settings or table: where it comes from"),
    run: async ({ options, out, withClient }) => {
      const { provider, model } = options;
      const source = sourceOf(options.source);
      const list = await withClient("operator", (client) => readPrices(client, { provider, model, source }));
      if (options.json) return out.json(list);
      if (list.prices.length === 0) {
        out.line(model === undefined ? "No prices." : `No price is known for "${model}"; \`prices set\` sets one.`);
      } else out.table(header, list.prices.flatMap(rowsOf));
      out.line();
      out.line(`USD per million tokens; the table is of ${list.pricesAsOf}. Models without a price: ${list.unknown}.`);
    },
  });
}

function sourceOf(text: string | undefined): PriceView["source"] | undefined {
  if (text === undefined || text === "api" || text === "settings" || text === "table") return text;
  throw wrongUsage("--source must be api, settings or table");
}

type RateOptions = Pick<PriceRow, "input" | "output" | "cacheRead" | "cacheWrite"> & {
  /** Commander's spelling of `--cache-write-1h`. */
  cacheWrite1h?: number;
};

function addSetCommand(tree: Tree, group: Command): void {
  leaf<RateOptions, [provider: string, model: string]>(tree, group, {
    name: "set",
    description: "Set a model's price, in USD per million tokens",
    configure: (command) =>
      command
        .argument("<provider>", "anthropic, openai, gemini, openrouter, or an AI provider of yours")
        .argument("<model>", 'as requests name it; "*": every model of the provider without a price of its own')
        .requiredOption("--input <usd>", "input; 0 says that it costs nothing", price)
        .requiredOption("--output <usd>", "output, reasoning included", price)
        .option("--cache-read <usd>", "input read from a cache (default: as input)", price)
        .option("--cache-write <usd>", "input written to a cache (default: as input)", price)
        .option("--cache-write-1h <usd>", "input written to a cache for an hour (default: as input)", price),
    run: async ({ options, out, withClient }, provider, model) => {
      const { input, output, cacheRead, cacheWrite, cacheWrite1h } = options;
      const row: PriceRow = { provider, model, input, output, cacheRead, cacheWrite, cacheWrite1h };
      const set = await withClient("operator", (client) => client.prices.set({ prices: [row] }));
      if (options.json) return out.json(set);
      printSet(out, set.prices);
    },
  });
}

function printSet(out: Output, prices: PriceView[]): void {
  out.title(prices.length === 1 ? "Price set" : `${prices.length} prices set`);
  out.table(header, prices.flatMap(rowsOf));
}

function addImportCommand(tree: Tree, group: Command): void {
  leaf<object, [file: string]>(tree, group, {
    name: "import",
    description: "Set the prices of a file; those of other models stay",
    configure: (command) =>
      command.argument(
        "<file>",
        'a JSON array of {"provider", "model", "input", "output", "cacheRead"?, ...}; - is stdin',
      ),
    run: async ({ cli, options, out, withClient }, file) => {
      const prices = await readRows(cli, file);
      const set = await withClient("operator", (client) => client.prices.set({ prices }));
      if (options.json) return out.json(set);
      printSet(out, set.prices);
    },
  });
}

/** The service checks what stands in it. */
async function readRows(cli: CliEnvironment, file: string): Promise<PriceRow[]> {
  const text = await readGivenFile(cli, "prices import", file);
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch (error) {
    throw wrongUsage(`${file} is not valid JSON: ${(error as Error).message}`);
  }
  if (!Array.isArray(rows)) throw wrongUsage(`${file} must hold a JSON array of prices`);
  return rows as PriceRow[];
}

/** `prices list|set|unset|import`, with an operator's credentials, in USD per million tokens. */
export function addPriceCommands(tree: Tree, parent: Command): void {
  const group = parent.command("prices").description("What models cost");
  addListCommand(tree, group);
  addSetCommand(tree, group);
  leaf<object, [provider: string, model: string]>(tree, group, {
    name: "unset",
    description: "Take back a price that was set",
    configure: (command) =>
      command.argument("<provider>", "its AI provider").argument("<model>", "as `prices list --source api` shows it"),
    run: async ({ options, out, withClient }, provider, model) => {
      const unset = await withClient("operator", (client) => client.prices.unset(provider, model));
      if (options.json) return out.json(unset);
      const { price: now } = unset;
      out.line(
        now
          ? `The price of ${provider}/${model} is that of the ${now.source} again: ${now.input} and ${now.output} USD.`
          : `No price is known of ${provider}/${model} any more.`,
      );
    },
  });
  addImportCommand(tree, group);
}
