/** Asks for many places of ten on one counter at once, settles what it got, and prints how many that were. */
import { openRedis } from "../../../adapters/node/redis/redis.ts";

const [url = "", name = "", count = "0"] = process.argv.slice(2);
const { ledger, close } = await openRedis({ url, clock: { now: Date.now } });
const counter = "ai-key:a/tokens" as const;

const got = await Promise.all(
  Array.from({ length: Number(count) }, async (_, i) => {
    const id = `ai-key:a/reservation:${name}-${i}` as const;
    const { outcome } = await ledger.reserve(id, [{ counter, period: "2026-11", limit: 1000, amount: 10 }]);
    if (outcome === "reserved") await ledger.settle(id, { [counter]: 10 });
    return outcome === "reserved" ? 1 : 0;
  }),
);
console.log(got.reduce((sum: number, one) => sum + one, 0));
await close();
