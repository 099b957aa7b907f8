/** Adds 1 to a counter as often as it is told to, a few at a time. */

import { openSqliteLedger } from "../../../adapters/node/sqlite/sqlite-ledger.ts";
import { chargeCounter } from "../../charge-counter.ts";

const [path = "", count = "0"] = process.argv.slice(2);
const ledger = await openSqliteLedger({ path, clock: { now: Date.now } });
for (let i = 0; i < Number(count); i += 4) {
  await Promise.all([1, 2, 3, 4].map(() => chargeCounter(ledger, "key:a/agents", "all", 1)));
}
await ledger.close();
