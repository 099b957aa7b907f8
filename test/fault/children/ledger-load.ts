/** Reserves 10 and settles 7, as fast as it goes, and says each answer on stdout once it has it: `r 17`, `s 17`. */
import { writeSync } from "node:fs";
import { openSqliteLedger } from "../../../adapters/node/sqlite/sqlite-ledger.ts";

const [path = "", name = ""] = process.argv.slice(2);
const ledger = await openSqliteLedger({ path, clock: { now: Date.now } });
const counter = "ai-key:a/tokens" as const;
let next = 0;

async function caller(): Promise<never> {
  for (;;) {
    const number = `${name}-${next++}`;
    const id = `ai-key:a/reservation:${number}` as const;
    await ledger.reserve(id, [{ counter, period: "2026-11", limit: null, amount: 10 }]);
    writeSync(1, `r ${number}\n`);
    await ledger.settle(id, { [counter]: 7 });
    writeSync(1, `s ${number}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, caller));
