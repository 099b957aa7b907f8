/**
 * Runs under `ulimit -f`, where writes begin to fail as on a full disk. Prints how many puts were answered, the code
 * of the first failure, whether reads went on, and the code that `check` then rejects with.
 */
import { openSqliteLedger } from "../../../adapters/node/sqlite/sqlite-ledger.ts";
import { isProblem } from "../../../src/errors.ts";

// Its default action is to kill the process, where a full disk would be an error code.
process.on("SIGXFSZ", () => {});
const codeOf = (error: unknown) => (isProblem(error) ? error.code : String(error));

const [path = ""] = process.argv.slice(2);
const ledger = await openSqliteLedger({ path, clock: { now: Date.now } });
let answered = 0;
let failure = "none";
while (failure === "none") {
  await ledger.put(`key:${answered}/state`, "x".repeat(4000)).then(
    () => answered++,
    (error: unknown) => {
      failure = codeOf(error);
    },
  );
}
const stillReads = (await ledger.get(`key:${answered - 1}/state`)) !== undefined;
let check = "none";
// Small writes may still fit where a large one did not.
for (let i = 0; i < 100 && check === "none"; i++) await ledger.check().catch((error) => (check = codeOf(error)));
console.log(JSON.stringify({ answered, failure, stillReads, check }));
process.exit(0);
