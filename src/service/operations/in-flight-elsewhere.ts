import type { Context } from "../context.ts";

/** A dead predecessor's claims have ended by then; a gateway that is down must not keep us from being ready for ever. */
const patienceMs = 40_000;

/**
 * Tells whether the changes that others had under way when it was first asked are over. Nobody knows that a predecessor
 * in another container is gone: its change, like that of a neighbour at work, is over once its claim is no more.
 */
export function createInFlightElsewhere(context: Context): () => Promise<boolean> {
  const since = performance.now();
  let inherited: Set<string> | undefined;
  return async () => {
    if (performance.now() - since >= patienceMs) return true;
    const now = await underWayElsewhere(context);
    inherited ??= now;
    return ![...inherited].some((change) => now.has(change));
  };
}

/** Recovery has tried by then what the dead are known to have left. */
async function underWayElsewhere({ ledger, instance }: Context): Promise<Set<string>> {
  const claims = await ledger.abandoned(() => true);
  const others = claims.filter(
    ({ name, owner, note }) =>
      note !== undefined && name.endsWith("/claim") && !owner.startsWith(`${instance.id}.`) && !instance.isGone(owner),
  );
  return new Set(others.map(({ name, owner }) => `${name} ${owner}`));
}
