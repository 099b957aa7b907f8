/** One source's page, in ascending order of id. */
export interface AgentPage<Agent> {
  items: readonly Agent[];
  /** An id, behind which the list goes on. */
  nextCursor?: string | undefined;
}

/**
 * One page of several lists, each in ascending order of id. It ends where the first of them ends that goes on: behind
 * that, what one list shows another may have too. So it can be empty and go on all the same.
 *
 * @param limit exceeded only where more agents than that have one id, which the next page would begin behind
 */
export function mergePages<Agent extends { agentId: string }>(
  pages: readonly AgentPage<Agent>[],
  limit: number,
): AgentPage<Agent> {
  const [end] = pages.flatMap(({ nextCursor }) => nextCursor ?? []).sort();
  const all = pages
    .flatMap(({ items }) => items)
    .filter(({ agentId }) => end === undefined || agentId <= end)
    .sort((a, b) => (a.agentId < b.agentId ? -1 : a.agentId > b.agentId ? 1 : 0));
  const items = all.slice(0, endOfPage(all, limit));
  const nextCursor = items.length < all.length ? items.at(-1)!.agentId : end;
  return { items, ...(nextCursor !== undefined && { nextCursor }) };
}

/** Agents of one id stay on one page. */
function endOfPage(all: readonly { agentId: string }[], limit: number): number {
  const next = all[limit]?.agentId;
  if (next === undefined) return all.length;
  const first = all.findIndex(({ agentId }) => agentId === next);
  return first > 0 ? first : all.findLastIndex(({ agentId }) => agentId === next) + 1;
}
