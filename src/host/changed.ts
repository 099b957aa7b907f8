import { isProblem } from "../errors.ts";
import type { Changed } from "./gateway.ts";

/** Neither done nor refused: the gateway is worth another call. */
export const isUncertain = <T>(changed: Changed<T>): changed is Changed<T> & { outcome: "unsent" | "unknown" } =>
  changed.outcome === "unsent" || changed.outcome === "unknown";

/** A change of which nobody knows whether it came about is made once more. */
export async function twice<T>(change: (repeated: boolean) => Promise<Changed<T>>): Promise<Changed<T>> {
  const first = await change(false);
  return isUncertain(first) ? await change(first.outcome === "unknown") : first;
}

/** @throws Problem where it was not done */
export function answerOf<T>(changed: Changed<T>): T {
  if (changed.outcome === "done") return changed.value;
  throw changed.problem;
}

/** There is no such agent. */
export const isAbsent = (changed: Changed<unknown>): boolean =>
  changed.outcome !== "done" && isProblem(changed.problem, "agent_not_found");
