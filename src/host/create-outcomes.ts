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

/** In memory, of the newest thousand. */
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
