import { outboxSchema } from "./sql-outbox.ts";

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

/**
 * | table        | a row is                                                                                 |
 * |--------------|------------------------------------------------------------------------------------------|
 * | buckets      | one rate limit: cost inside the window, when the window is empty again, calls ever, last |
 * | hits         | the exact log of a window: cost by the millisecond at which it leaves the window          |
 * | counters     | use and reservations of one counter in one period                                         |
 * | reservations | one unsettled reservation: `[[counter, period, amount], ...]`                             |
 * | usage        | one model's use on one day                                                                |
 * | estimates    | charged without the provider's word, by minute, and the periods charged                   |
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
export const ledgerMigrations: readonly string[] = [version1, version2, version3, version4];

/** Tables of rows that somebody may ask for again. */
export const ledgerTables = [
  "buckets",
  "hits",
  "counters",
  "reservations",
  "usage",
  "estimates",
  "texts",
  "claims",
  "messages",
] as const;
