import { getHeapSpaceStatistics } from "node:v8";
import { describe, expect, test } from "vitest";
import { ShortLivedMap } from "../../adapters/sql/short-lived-map.ts";

describe("a map of what comes and goes", () => {
  test("gives, takes and counts as a Map does", () => {
    const map = new ShortLivedMap<string, number[]>();
    map.set("a", [1]);
    map.set("b", [2]);
    map.set("a", [3]);
    expect([map.size, map.get("a"), map.has("b"), map.get("c"), map.has("c")]).toEqual([
      2,
      [3],
      true,
      undefined,
      false,
    ]);
    expect([map.take("a"), map.take("a"), map.size]).toEqual([[3], undefined, 1]);
    map.set("c", [4]);
    expect(map.takeAll()).toEqual([
      ["b", [2]],
      ["c", [4]],
    ]);
    expect([map.size, map.takeAll()]).toEqual([0, []]);
  });

  test("holds on to nothing that was taken from it", () => {
    const map = new ShortLivedMap<string, number[]>();
    const oldBytes = () =>
      getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")!.space_used_size;
    const filled = (at: number): number[] => new Array(128).fill(at);
    const underWay = 64;
    for (let at = 0; at < underWay; at++) map.set(`request-${at}`, filled(at));
    // Its table is old by then, as a server's is.
    for (let at = 0; at < 200_000; at++) filled(at);
    const before = oldBytes();
    let most = before;
    for (let at = underWay; at < 60_000; at++) {
      map.set(`request-${at}`, filled(at));
      map.take(`request-${at - underWay}`);
      for (let more = 0; more < 5; more++) filled(more);
      if (at % 1_000 === 0) most = Math.max(most, oldBytes());
    }
    // With a Map alone it is 40 to 54 MB, until a full collection takes them.
    expect(most - before).toBeLessThan(11_000_000);
    expect(map.size).toBe(underWay);
  });
});
