/**
 * Objects written before Durable Objects and `node:sqlite` shared one schema (versions 1 and 2) had tables of their
 * own. These texts are released and never change.
 */
export const fromDurable1 = `
  CREATE TABLE schema_version (version INTEGER PRIMARY KEY) WITHOUT ROWID;
  ALTER TABLE usage ADD COLUMN estimatedTokens INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE estimates (name TEXT NOT NULL, minute INTEGER NOT NULL, day TEXT NOT NULL, model TEXT NOT NULL,
    counter TEXT NOT NULL, periods TEXT NOT NULL, tokens INTEGER NOT NULL,
    PRIMARY KEY (name, minute, day, model, counter, periods)) WITHOUT ROWID;
`;

const tables: [name: string, columns: string, rows: string][] = [
  [
    "buckets",
    "bucket TEXT PRIMARY KEY, cost INT NOT NULL, busy_until INT NOT NULL, calls INT NOT NULL, last_at INT",
    "SELECT name, taken, coalesce(last, 0) + window, count, last FROM old_buckets",
  ],
  [
    "hits",
    "bucket TEXT, leaves_at INT, cost INT NOT NULL, PRIMARY KEY (bucket, leaves_at)",
    "SELECT bucket, at + window, cost FROM old_hits JOIN old_buckets ON name = bucket",
  ],
  [
    "counters",
    "counter TEXT, period TEXT, used INT NOT NULL, reserved INT NOT NULL, PRIMARY KEY (counter, period)",
    "SELECT name, period, used, reserved FROM old_counters",
  ],
  [
    "reservations",
    "id TEXT PRIMARY KEY, entries TEXT NOT NULL, created_at INT NOT NULL",
    `SELECT id, (SELECT json_group_array(json_array(value ->> 'counter', value ->> 'period', value ->> 'amount'))
       FROM json_each(entries)), at FROM old_reservations`,
  ],
  [
    "usage",
    `name TEXT, day TEXT, model TEXT, requests INT NOT NULL, input_tokens INT NOT NULL, output_tokens INT NOT NULL,
     tokens INT NOT NULL, estimated_tokens INT NOT NULL DEFAULT 0, PRIMARY KEY (name, day, model)`,
    "SELECT name, day, model, requests, inputTokens, outputTokens, tokens, estimatedTokens FROM old_usage",
  ],
  [
    "estimates",
    `name TEXT, minute INT, day TEXT, model TEXT, counter TEXT, periods TEXT, tokens INT NOT NULL,
     PRIMARY KEY (name, minute, day, model, counter, periods)`,
    "SELECT name, minute, day, model, counter, periods, tokens FROM old_estimates",
  ],
  ["texts", "name TEXT PRIMARY KEY, text TEXT NOT NULL, expires_at INT", "SELECT name, text, expires FROM old_texts"],
  [
    "claims",
    "name TEXT PRIMARY KEY, owner TEXT NOT NULL, expires_at INT, note TEXT",
    "SELECT name, owner, expires, note FROM old_claims",
  ],
];

/** To version 2 of the shared schema. */
export const fromDurable2 = [
  ...tables.map(([name]) => `ALTER TABLE ${name} RENAME TO old_${name};`),
  ...tables.map(
    ([name, columns, rows]) => `CREATE TABLE ${name} (${columns}) STRICT, WITHOUT ROWID; INSERT INTO ${name} ${rows};`,
  ),
  ...tables.map(([name]) => `DROP TABLE old_${name};`),
  "CREATE INDEX texts_by_expiry ON texts (expires_at) WHERE expires_at IS NOT NULL;",
  "CREATE TABLE checks (id INT PRIMARY KEY, checked_at INT NOT NULL) STRICT, WITHOUT ROWID;",
].join("\n");
