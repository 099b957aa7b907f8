/**
 * A proxy in a process of its own. Arguments: the upstream, the monthly limit, the ledger's path. Says where it is on
 * stdout, and answers each line on stdin with its memory and what is reserved and used, as JSON.
 */
import { createInterface } from "node:readline";
import { proxyStand } from "../../proxy-stand.ts";

const [upstream = "", limit = "0", ledgerPath = ""] = process.argv.slice(2);
const stand = await proxyStand({
  upstream,
  quotas: { maxTokensPerMonth: Number(limit) },
  ...(ledgerPath !== "" && { ledgerPath }),
});
console.log(JSON.stringify({ origin: stand.origin, key: stand.key, keyId: stand.keyId }));

createInterface(process.stdin).on("line", async () => {
  const { used, reserved } = await stand.quota("maxTokensPerMonth");
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  console.log(JSON.stringify({ used, reserved, heapUsed, external, rss }));
});
