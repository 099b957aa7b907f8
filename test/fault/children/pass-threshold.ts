/** Reserves and charges 90 of 100 in the ledger at the path given, says so, and waits to be killed. */
import { openSqliteLedger } from "../../../adapters/node/sqlite/sqlite-ledger.ts";

const ledger = await openSqliteLedger({ path: process.argv[2]!, clock: { now: Date.now } });
const counter = "ai-key:killed/tokens";
const id = "ai-key:killed/reservation:1";
const period = new Date().toISOString().slice(0, 7);
await ledger.reserve(id, [{ counter, period, limit: 100, amount: 95, alertAt: [80] }]);
await ledger.settle(id, { [counter]: 90 });
process.stdout.write("charged\n");
setInterval(() => undefined, 1_000);
