import { firstOfMonth, periodOf } from "../../domain/quota.ts";
import { Problem } from "../../errors.ts";
import type { UsageQuery } from "../../schema/usage.ts";
import type { Context } from "../context.ts";

/**
 * The days that are asked for: by default from the first day of this month to today, in UTC.
 *
 * @throws Problem `invalid_query`
 */
export function usageDays(
  { clock }: Pick<Context, "clock">,
  query: Pick<UsageQuery, "from" | "to">,
): { from: string; to: string } {
  const today = periodOf("day", clock.now());
  const to = query.to ?? (query.from !== undefined && query.from > today ? query.from : today);
  const from = query.from ?? firstOfMonth(to);
  if (from <= to) return { from, to };
  throw new Problem("invalid_query", `from (${from}) lies after to (${to}).`, {
    errors: [{ path: "from", message: "must not lie after to" }],
  });
}
