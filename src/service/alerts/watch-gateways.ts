import { isFresh } from "../../domain/is-fresh.ts";
import type { HostGateways } from "../../ports.ts";
import { gatewayIncident, gatewayMissed, gatewaysMissed } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { lostGateways } from "../gateways/lost-gateways.ts";
import { closeIncident, openIncident } from "./incidents.ts";

/** One that restarts is away for a moment: it is told of when it is away at two looks so far apart, or further. */
const betweenLooksMs = 10_000;
const rememberedMs = 900_000;
/** A gateway that this instance does not know may be another's to miss, which says so at each of its looks. */
const givenUpMs = 300_000;

/** Looks which of the gateways answer, and tells of those that do not, do again, or are no more. */
export async function watchGateways(context: Context): Promise<void> {
  const { host, ledger, clock } = context;
  const silent = new Set(host.gateways ? await silentGateways(context, host.gateways) : []);
  const ids = new Set(host.gateways?.known().map((one) => one.id));
  const now = clock.now();
  const before = missedIn(await ledger.get(gatewaysMissed));
  const givenUp = [...before].flatMap(([id, at]) => (ids.has(id) || isFresh(at, now, givenUpMs) ? [] : [id]));
  const missed: string[] = [];
  for (const id of new Set([...ids, ...silent, ...givenUp])) {
    const name = gatewayIncident(id);
    if (!silent.has(id)) {
      await ledger.put(gatewayMissed(id), undefined);
      const data = { gateway: id, ...(!ids.has(id) && { detail: "it is none of the gateways any more" }) };
      await closeIncident(context, name, { type: "gateway.recovered", data });
      continue;
    }
    const missedAt = Number((await ledger.get(gatewayMissed(id))) ?? Number.POSITIVE_INFINITY);
    // One of the future counts too: the clock was set back.
    if (missedAt > now) await ledger.put(gatewayMissed(id), String(now), rememberedMs);
    else if (now - missedAt >= betweenLooksMs) {
      await openIncident(context, name, { type: "gateway.unreachable", data: { gateway: id } });
      missed.push(id);
    }
  }
  const ended = [...before.keys()].filter((id) => !silent.has(id) && (ids.has(id) || givenUp.includes(id)));
  await rememberMissed(context, missed, ended);
}

async function silentGateways({ host, agentIndex }: Context, { known }: HostGateways): Promise<string[]> {
  const { unreachable } = await host.list({ limit: 1 });
  return [...unreachable, ...lostGateways(await agentIndex.entries(), known())];
}

const missedIn = (text: string | undefined): Map<string, number> => new Map(text === undefined ? [] : JSON.parse(text));

async function rememberMissed({ ledger, clock }: Context, missed: string[], ended: string[]): Promise<void> {
  if (missed.length === 0 && ended.length === 0) return;
  for (let turn = 0; turn < 5; turn++) {
    const text = await ledger.get(gatewaysMissed);
    const all = missedIn(text);
    for (const id of ended) all.delete(id);
    for (const id of missed) all.set(id, clock.now());
    const next = all.size === 0 ? undefined : JSON.stringify([...all]);
    if (next === text || (await ledger.replace(gatewaysMissed, text, next))) return;
  }
}
