import { outboxSchema } from "./outbox-rows.ts";

const table = (name: string, columns: string) => `CREATE TABLE ${name} (${columns}) STRICT, WITHOUT ROWID;`;

const version1 = [
  table(
    "buckets",
    "bucket TEXT PRIMARY KEY, cost INT NOT NULL, busy_until INT NOT NULL, calls INT NOT NULL, last_at INT",
  ),
  table("hits", "bucket TEXT, leaves_at INT, cost INT NOT NULL, PRIMARY KEY (bucket, leaves_at)"),
  table(
    "counters",
    "counter TEXT, period TEXT, used INT NOT NULL, reserved INT NOT NULL, PRIMARY KEY (counter, period)",
  ),
  table("reservations", "id TEXT PRIMARY KEY, entries TEXT NOT NULL, created_at INT NOT NULL"),
  table(
    "usage",
    `name TEXT, day TEXT, model TEXT, requests INT NOT NULL, input_tokens INT NOT NULL, output_tokens INT NOT NULL,
     tokens INT NOT NULL, PRIMARY KEY (name, day, model)`,
  ),
  table("texts", "name TEXT PRIMARY KEY, text TEXT NOT NULL, expires_at INT"),
  "CREATE INDEX texts_by_expiry ON texts (expires_at) WHERE expires_at IS NOT NULL;",
  table("claims", "name TEXT PRIMARY KEY, owner TEXT NOT NULL, expires_at INT, note TEXT"),
  table("checks", "id INT PRIMARY KEY, checked_at INT NOT NULL"),
].join("\n");

const version2 = [
  "ALTER TABLE usage ADD COLUMN estimated_tokens INT NOT NULL DEFAULT 0;",
  table(
    "estimates",
    `name TEXT, minute INT, day TEXT, model TEXT, counter TEXT, periods TEXT, tokens INT NOT NULL,
     PRIMARY KEY (name, minute, day, model, counter, periods)`,
  ),
].join("\n");

const version3 = ["cache_read_tokens", "cache_write_tokens", "web_searches", "micro_usd", "unpriced_requests"]
  .map((column) => `ALTER TABLE usage ADD COLUMN ${column} INT NOT NULL DEFAULT 0;`)
  .join("\n");

const version4 = outboxSchema;

const usageSums = [
  "requests",
  "input_tokens",
  "output_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "tokens",
  "estimated_tokens",
  "web_searches",
  "micro_usd",
  "unpriced_requests",
];
const version5 = [
  "ALTER TABLE counters ADD COLUMN quota INT;",
  "ALTER TABLE counters ADD COLUMN level INT;",
  "ALTER TABLE counters ADD COLUMN rank INT;",
  "UPDATE counters SET rank = length(used) * 100 + CAST(substr(used || '0', 1, 2) AS INT) WHERE length(period) = 7 AND used > 0;",
  "CREATE INDEX counters_by_level ON counters (period, level) WHERE level IS NOT NULL;",
  "CREATE INDEX counters_by_rank ON counters (period, rank) WHERE rank IS NOT NULL;",
  "CREATE INDEX usage_by_day ON usage (day);",
  table(
    "all_usage",
    `day TEXT, model TEXT, ${usageSums.map((sum) => `${sum} INT NOT NULL`).join(", ")}, PRIMARY KEY (day, model)`,
  ),
  table("reports", "what TEXT PRIMARY KEY, fleet TEXT NOT NULL"),
  `INSERT INTO all_usage (day, model, ${usageSums.join(", ")})
   SELECT day, model, ${usageSums.map((sum) => `sum(${sum})`).join(", ")} FROM usage GROUP BY day, model;`,
].join("\n");

/**
 * A table without row ids keeps whole rows in the tree that a look-up walks down: of one beside a text of 30 KB, SQLite
 * reads that text too. The names of texts are in a tree of their own.
 */
const version6 = `
  ALTER TABLE texts RENAME TO old_texts;
  CREATE TABLE texts (name TEXT PRIMARY KEY, text TEXT NOT NULL, expires_at INT) STRICT;
  INSERT INTO texts SELECT name, text, expires_at FROM old_texts;
  DROP TABLE old_texts;
  CREATE INDEX texts_by_expiry ON texts (expires_at) WHERE expires_at IS NOT NULL;`;

const version7 = "ALTER TABLE counters ADD COLUMN leased INT NOT NULL DEFAULT 0;";

/**
 * | table        | a row is                                                                                 |
 * |--------------|------------------------------------------------------------------------------------------|
 * | buckets      | one rate limit: cost inside the window, when the window is empty again, calls ever, last |
 * | hits         | the exact log of a window: cost by the millisecond at which it leaves the window          |
 * | counters     | use and reservations of one counter in one period                                         |
 * |              | (`quota`: the limit that it was last reserved under; `level`: hundredths of it, from 50 on;  |
 * |              | `rank`: size of a month's use in two digits; both change seldom, and so do their indexes;     |
 * |              | `leased`: the part of `reserved` that no request has yet)                                     |
 * | reservations | one unsettled reservation: `[[counter, period, amount, limit, alertAt], ...]`; or, its id ends |
 * |              | with `~`, a quota lease: what one process may yet grant                                        |
 * | usage        | one model's use on one day                                                                |
 * | all_usage    | one model's use on one day by everybody, deleted agents included                          |
 * | estimates    | charged without the provider's word, by minute, and the periods charged                   |
 * | reports      | a day, or a prefix that was forgotten, of which a Durable Object has yet to tell         |
 * | texts        | an exact short text, with or without an end                                               |
 * | claims       | who holds a name, until when, and what for                                                |
 * | messages, deliveries | see `outboxSchema`                                                                 |
 *
 * Times are epoch milliseconds. Names are ASCII, so that SQLite's byte order is theirs.
 *
 * Each text leads from one version of the schema to the next, and the first from nothing. A text that was released
 * never changes: a change of the schema is another text at the end. `node:sqlite` keeps the version in `user_version`,
 * a Durable Object in the table `schema_version`.
 */
export const ledgerMigrations: readonly string[] = [
  version1,
  version2,
  version3,
  version4,
  version5,
  version6,
  version7,
];

/** Tables of rows that somebody may ask for again. */
export const ledgerTables = [
  "buckets",
  "hits",
  "counters",
  "reservations",
  "usage",
  "all_usage",
  "estimates",
  "texts",
  "claims",
  "messages",
  "reports",
] as const;
