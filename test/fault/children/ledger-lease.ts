/**
 * Reserves 10 tokens and settles 7 of them, one request after the other, and says each answer on stdout once it has it:
 * `r 17`, `s 17`. It stops by itself where a request is refused, and says `full`.
 */
import { writeSync } from "node:fs";
import { openSqliteLedger } from "../../../adapters/node/sqlite/sqlite-ledger.ts";

const [path = "", name = "", limit = "", used = "7"] = process.argv.slice(2);
const ledger = await openSqliteLedger({ path, clock: { now: Date.now } });
const counter = "ai-key:a/tokens" as const;
const state = { name: "ai-key:a/state", text: "active" } as const;

for (let next = 0; ; next++) {
  const id = `ai-key:a/reservation:${name}.run-${next}` as const;
  const asked = [{ counter, period: "2026-11", limit: Number(limit), amount: 10 }];
  const { outcome } = await ledger.reserve(id, asked, state);
  if (outcome !== "reserved") {
    writeSync(1, outcome === "changed" ? "changed\n" : "full\n");
    break;
  }
  writeSync(1, `r ${next}\n`);
  void ledger.settle(id, { [counter]: Number(used) }, usage(Number(used))).then(() => writeSync(1, `s ${next}\n`));
  await new Promise(setImmediate);
}
await ledger.close();

function usage(tokens: number) {
  const none = { cacheReadTokens: 0, cacheWriteTokens: 0, webSearches: 0, microUsd: 0, unpricedRequests: 0 };
  const sums = { requests: 1, inputTokens: 0, outputTokens: tokens, tokens };
  return { name: "ai-key:a/usage", day: "2026-11-22", model: "m", ...sums, ...none } as const;
}
