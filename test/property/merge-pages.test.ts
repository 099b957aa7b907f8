import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AgentPage, mergePages } from "../../src/domain/merge-pages.ts";

interface Agent {
  agentId: string;
  list: number;
}
/** The ids of a list, and which of them is gone when it is looked at: its id is listed, and nothing is shown for it. */
type List = { agentId: string; gone: boolean }[];

const lists: fc.Arbitrary<List[]> = fc.array(
  fc.uniqueArray(
    fc.record({
      agentId: fc.string({ unit: fc.constantFrom("a", "b", "-"), minLength: 1, maxLength: 3 }),
      gone: fc.boolean(),
    }),
    { selector: ({ agentId }) => agentId, maxLength: 12 },
  ),
  { minLength: 1, maxLength: 3 },
);
const limits = fc.integer({ min: 1, max: 5 });

const byId = (a: { agentId: string }, b: { agentId: string }) =>
  a.agentId < b.agentId ? -1 : a.agentId > b.agentId ? 1 : 0;

function pageOf(list: List, at: number, cursor: string | undefined, limit: number): AgentPage<Agent> {
  const left = [...list].sort(byId).filter(({ agentId }) => cursor === undefined || agentId > cursor);
  const items = left.slice(0, limit).filter(({ gone }) => !gone);
  return {
    items: items.map(({ agentId }) => ({ agentId, list: at })),
    ...(left.length > limit && { nextCursor: left[limit - 1]!.agentId }),
  };
}

function pagesOf(all: List[], limit: number): AgentPage<Agent>[] {
  const pages: AgentPage<Agent>[] = [];
  let cursor: string | undefined;
  do {
    const page = mergePages(
      all.map((list, at) => pageOf(list, at, cursor, limit)),
      limit,
    );
    pages.push(page);
    cursor = page.nextCursor;
  } while (cursor !== undefined && pages.length < 100);
  return pages;
}

describe("pages of several lists, read to their end", () => {
  it("show all that is there, once and in order, whatever is gone", () => {
    fc.assert(
      fc.property(lists, limits, (all, limit) => {
        const there = all.flatMap((list, at) =>
          list.filter(({ gone }) => !gone).map(({ agentId }) => ({ agentId, list: at })),
        );
        expect(pagesOf(all, limit).flatMap(({ items }) => items)).toEqual(there.sort(byId));
      }),
    );
  });

  it("have no more on them than was asked for, except where one id has more", () => {
    fc.assert(
      fc.property(lists, limits, (all, limit) => {
        for (const { items } of pagesOf(all, limit)) {
          const ids = new Set(items.map(({ agentId }) => agentId));
          expect(items.length <= limit || ids.size === 1).toBe(true);
        }
      }),
    );
  });
});
