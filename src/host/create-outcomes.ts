import { isUncertain } from "./changed.ts";
import type { Changed } from "./gateway.ts";

/**
 * How creations ended whose answer was not a yes: `undone`, or in doubt, with what was asked for. The newest
 * thousand are remembered; after a crash none is, and whoever undoes a creation says what it asked for.
 */
export interface CreateOutcomes<Asked> {
  note(operationId: string, outcome: "undone" | { asked: Asked }): void;
  clear(operationId: string): void;
  of(operationId: string): "undone" | { asked: Asked } | undefined;
}

const most = 1_000;

/** Kept in memory, of the newest thousand. */
export function createOutcomes<Asked>(): CreateOutcomes<Asked> {
  const outcomes = new Map<string, "undone" | { asked: Asked }>();
  return {
    note(operationId, outcome) {
      outcomes.delete(operationId);
      outcomes.set(operationId, outcome);
      if (outcomes.size > most) outcomes.delete(outcomes.keys().next().value!);
    },
    clear: (operationId) => void outcomes.delete(operationId),
    of: (operationId) => outcomes.get(operationId),
  };
}

/** Whether it has surely done nothing, neither now nor in an earlier call whose answer was lost. */
export const isUndone = <Asked>(
  outcomes: CreateOutcomes<Asked>,
  operationId: string,
  { outcome }: Changed<unknown>,
): boolean => outcome === "refused" || (outcome === "unsent" && typeof outcomes.of(operationId) !== "object");

/**
 * Whether a creation or an adoption may have done anything that is to be undone. A request that is still on its way
 * would do it after that: asked once more, it is settled.
 */
export async function mayBeDone<Asked>(
  outcomes: CreateOutcomes<Asked>,
  operationId: string,
  asked: Asked | undefined,
  again: (asked: Asked) => Promise<Changed<unknown>>,
): Promise<boolean> {
  const doubt = outcomes.of(operationId) ?? (asked && { asked });
  if (doubt === "undone") return false;
  if (!doubt) return true;
  const settled = await again(doubt.asked);
  if (isUncertain(settled)) throw settled.problem;
  outcomes.clear(operationId);
  return settled.outcome !== "refused";
}
