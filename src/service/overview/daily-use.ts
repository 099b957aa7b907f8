import { freeCallsModel, isMetered } from "../../domain/free-calls.ts";
import { periodOf } from "../../domain/quota.ts";
import { aiKeyLedger, aiKeyOfName, aiKeyPrefix } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { mostKeys } from "./fleet-agents.ts";
import type { CountedUse } from "./usage-sums.ts";

const dayMs = 86_400_000;
/** Keys that are asked for one by one, where an invocation is bounded: beyond those, each day is asked for once. */
const mostAlone = 300;

interface DailyUse extends CountedUse {
  keyId: string;
  day: string;
}

/** What each of these AI keys used on each day from `from` to `to` inclusive. */
export async function dailyUse(
  { ledger, clock, mostBulkChanges }: Pick<Context, "ledger" | "clock" | "mostBulkChanges">,
  keyIds: readonly string[],
  from: string,
  to: string,
): Promise<{ uses: DailyUse[]; asOf: number }> {
  if (mostBulkChanges === undefined || keyIds.length <= mostAlone) {
    const asOf = clock.now();
    const found = keyIds.map(async (keyId) => {
      const rows = await ledger.usage(aiKeyLedger(keyId).usage, from, to);
      return rows.filter(isMetered).map((row) => ({ ...row, keyId }));
    });
    return { uses: (await Promise.all(found)).flat(), asOf };
  }
  const sought = new Set(keyIds);
  const all = await Promise.all(
    daysBetween(from, to).map(async (day) => {
      const query = { prefix: aiKeyPrefix, from: day, to: day, by: "name", orderBy: "key", limit: mostKeys } as const;
      const { groups, asOf } = await ledger.topUsage({ ...query, except: freeCallsModel });
      const uses = groups.flatMap((group): DailyUse[] => {
        const keyId = aiKeyOfName(group.key)?.keyId;
        return keyId !== undefined && sought.has(keyId) ? [{ ...group, keyId, day }] : [];
      });
      return { uses, asOf };
    }),
  );
  return { uses: all.flatMap(({ uses }) => uses), asOf: Math.min(...all.map(({ asOf }) => asOf)) };
}

function daysBetween(from: string, to: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += dayMs) days.push(periodOf("day", at));
  return days;
}
