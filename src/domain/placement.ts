import { type LabelMap, labelOf } from "./labels.ts";

/** Agents with all of `agents` belong on gateways with all of `gateways`, and those gateways take no others. */
export interface PlacementRule {
  agents: LabelMap;
  gateways: LabelMap;
}

/** A gateway that may take an agent. */
export interface Candidate {
  id: string;
  agents: number;
  /** Absent: as many as come. */
  maxAgents?: number | undefined;
}

const hasAll = (labels: LabelMap | undefined, wanted: LabelMap): boolean =>
  Object.entries(wanted).every(([name, value]) => labelOf(labels, name) === value);

/** A gateway of several rules takes the agents of each. */
export function mayBePlaced(
  rules: readonly PlacementRule[],
  agent: LabelMap | undefined,
  gateway: LabelMap | undefined,
): boolean {
  const kept = rules.filter((rule) => hasAll(gateway, rule.gateways));
  return (
    rules.every((rule) => !hasAll(agent, rule.agents) || kept.includes(rule)) &&
    (kept.length === 0 || kept.some((rule) => hasAll(agent, rule.agents)))
  );
}

/**
 * Agents that may still be placed there: infinite without a limit, and never below zero, since a limit may be set
 * under what is there.
 */
export const roomOn = ({ agents, maxAgents }: Omit<Candidate, "id">): number =>
  maxAgents === undefined ? Number.POSITIVE_INFINITY : Math.max(0, maxAgents - agents);

/** The one with the most room, and of those with as much the one with the fewest agents. */
export function roomiest<G extends Candidate>(candidates: readonly G[]): G | undefined {
  let best: G | undefined;
  for (const one of candidates) {
    const [room, most] = [roomOn(one), best ? roomOn(best) : 0];
    if (room > most || (best && room === most && one.agents < best.agents)) best = one;
  }
  return best;
}
