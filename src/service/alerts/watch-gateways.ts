import { gatewayIncident, gatewayMissed } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { lostGateways } from "../gateways/lost-gateways.ts";
import { closeIncident, openIncident } from "./incidents.ts";

/** One that restarts is away for a moment: it is told of when it is away at two looks so far apart, or further. */
const betweenLooksMs = 10_000;
const rememberedMs = 900_000;

/** Looks which of the gateways answer, and tells of those that do not, or do again. */
export async function watchGateways(context: Context): Promise<void> {
  const { host, ledger, clock } = context;
  if (!host.gateways) return;
  const { unreachable } = await host.list({ limit: 1 });
  const known = host.gateways.known();
  const silent = new Set([...unreachable, ...lostGateways(await context.agentIndex.entries(), known)]);
  for (const id of new Set([...known.map((one) => one.id), ...silent])) {
    const name = gatewayIncident(id);
    if (!silent.has(id)) {
      await ledger.put(gatewayMissed(id), undefined);
      await closeIncident(context, name, { type: "gateway.recovered", data: { gateway: id } });
      continue;
    }
    const missedAt = await ledger.get(gatewayMissed(id));
    if (missedAt === undefined) await ledger.put(gatewayMissed(id), String(clock.now()), rememberedMs);
    else if (clock.now() - Number(missedAt) >= betweenLooksMs)
      await openIncident(context, name, { type: "gateway.unreachable", data: { gateway: id } });
  }
}
