import type { Ledger, LedgerName } from "../src/ports.ts";

let charges = 0;

/** Charges a counter in one period, by a reservation of its own. */
export async function chargeCounter(
  ledger: Ledger,
  counter: LedgerName,
  period: string,
  amount: number,
): Promise<void> {
  const id: LedgerName = `${counter.slice(0, counter.indexOf("/"))}/charge:${process.pid}-${charges++}`;
  await ledger.reserve(id, [{ counter, period, limit: null, amount }]);
  await ledger.settle(id, "reserved");
}
