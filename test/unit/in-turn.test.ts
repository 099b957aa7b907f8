import { expect, it } from "vitest";
import { inTurn } from "../../src/domain/in-turn.ts";

it("comes to each of many objects, though the first of them keep their notes", () => {
  const ids = Array.from({ length: 250 }, (_, at) => `object-${at}`);
  const visited = new Set<string>();
  for (let run = 0; run < 3; run++) {
    const some = inTurn(ids, 100, Date.UTC(2026, 10, 30) + run * 300_000);
    expect(new Set(some).size).toBe(100);
    for (const id of some) visited.add(id);
  }
  expect(visited.size).toBe(250);
  expect(inTurn(ids, 250, Date.now())).toEqual(ids);
});
