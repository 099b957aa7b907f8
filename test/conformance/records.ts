import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Records } from "../../src/storage/keyspace.ts";
import { type Collection, collections } from "../../src/storage/keyspace.ts";
import { sampleRecords } from "./sample-records.ts";

export interface RecordsUnderTest {
  instance: Records;
  /** Another handle on the same store, as another process would have. */
  second?: Records;
  /** Where nothing at all comes between the look and the change of a `replace`. Default: everywhere. */
  exact?(collection: Collection): boolean;
  dispose(): Promise<void>;
}

const sample = <C extends Collection>(collection: C, id: string) => sampleRecords[collection](id);

/** @param make a fresh, empty store */
export function testRecords(name: string, make: () => Promise<RecordsUnderTest>): void {
  describe(`Records: ${name}`, () => {
    let made: RecordsUnderTest;
    let records: Records;
    /** The other handle where there is one, so that what uses it also crosses processes. */
    let other: Records;

    const isExact = (collection: Collection): boolean => made.exact?.(collection) ?? true;

    beforeEach(async () => {
      made = await make();
      records = made.instance;
      other = made.second ?? made.instance;
    });
    afterEach(() => made.dispose());

    for (const collection of Object.keys(collections) as Collection[]) {
      describe(collection, () => {
        it("has nothing at first", async () => {
          expect(await records.get(collection, "a1")).toBeUndefined();
          expect(await records.list(collection)).toEqual({ items: [] });
        });

        it("gives back what was set, whole, also through another handle", async () => {
          await records.set(collection, "a1", sample(collection, "a1"));
          expect(await records.get(collection, "a1")).toEqual(sample(collection, "a1"));
          expect(await other.get(collection, "a1")).toEqual(sample(collection, "a1"));
          expect(await other.list(collection)).toEqual({ items: [sample(collection, "a1")] });
        });

        it("shows every change at the next read, whoever made it", async () => {
          for (let version = 1; version <= 5; version++) {
            const writer = version % 2 === 0 ? records : other;
            const value = { ...sample(collection, "a1"), createdAt: `2026-11-22T18:00:0${version}.000Z` };
            await writer.set(collection, "a1", value);
            expect(await records.get(collection, "a1")).toEqual(value);
            expect(await other.get(collection, "a1")).toEqual(value);
          }
          await other.remove(collection, "a1");
          expect(await records.get(collection, "a1")).toBeUndefined();
          expect(await records.list(collection)).toEqual({ items: [] });
        });

        it("replaces what is as expected, for one of many who expect the same", async () => {
          const value = (turn: number) => ({
            ...sample(collection, "a1"),
            createdAt: `2026-11-22T18:00:1${turn}.000Z`,
          });
          const isFirst = (now: { createdAt: string } | undefined) => now?.createdAt === value(1).createdAt;
          const isAbsent = (now: unknown) => now === undefined;
          expect(await records.replace(collection, "a1", isFirst, value(2))).toBe(false);
          expect(await other.get(collection, "a1")).toBeUndefined();
          expect(await records.replace(collection, "a1", isAbsent, value(1))).toBe(true);
          expect(await other.replace(collection, "a1", isAbsent, value(2))).toBe(false);
          expect(await other.get(collection, "a1")).toEqual(value(1));
          if (isExact(collection)) {
            const turns = [2, 3, 4, 5].map((turn) =>
              (turn % 2 ? records : other).replace(collection, "a1", isFirst, value(turn)),
            );
            expect((await Promise.all(turns)).filter(Boolean)).toHaveLength(1);
          } else await records.replace(collection, "a1", isFirst, value(2));
          expect(await other.replace(collection, "a1", isFirst, undefined)).toBe(false);
          expect(await records.list(collection)).toMatchObject({ items: [{}] });
          expect(await other.replace(collection, "a1", (now) => now !== undefined, undefined)).toBe(true);
          expect(await records.get(collection, "a1")).toBeUndefined();
          expect(await records.list(collection)).toEqual({ items: [] });
        });

        it("lists what is made at the moment in which it is removed", async () => {
          if (!isExact(collection)) return;
          const isThere = (now: unknown) => now !== undefined;
          const value = sample(collection, "a1");
          for (let turn = 0; turn < 20; turn++) {
            await records.set(collection, "a1", value);
            // The second of them comes to a document that is gone, now and then between its end and that of its id.
            await Promise.all([
              records.replace(collection, "a1", isThere, undefined),
              ...[0, 1, 2].map(() => other.replace(collection, "a1", (now) => now === undefined, value)),
            ]);
            const { items } = await other.list(collection);
            expect(items).toEqual((await other.get(collection, "a1")) === undefined ? [] : [value]);
          }
        });

        it("lets the last of several writes win", async () => {
          const value = (second: number) => ({
            ...sample(collection, "a1"),
            createdAt: `2026-11-22T18:00:${second}.000Z`,
          });
          await Promise.all([10, 11, 12, 13].map((second) => records.set(collection, "a1", value(second))));
          expect(await records.get(collection, "a1")).toEqual(value(13));
        });

        it("removes what is there, and does not mind when there is nothing", async () => {
          await records.set(collection, "a1", sample(collection, "a1"));
          await records.set(collection, "a2", sample(collection, "a2"));
          await records.remove(collection, "a1");
          await records.remove(collection, "a1");
          await records.remove(collection, "never");
          expect(await records.list(collection)).toEqual({ items: [sample(collection, "a2")] });
        });
      });
    }

    it("keeps collections apart, also where one's name ends another's", async () => {
      await records.set("ai-keys", "a1", sample("ai-keys", "a1"));
      expect(await records.get("keys", "a1")).toBeUndefined();
      expect(await records.list("keys")).toEqual({ items: [] });
      await records.remove("keys", "a1");
      expect(await records.get("ai-keys", "a1")).toEqual(sample("ai-keys", "a1"));
    });

    it.each(["keys", "agents"] as const)("pages through %s in ascending order of id, each once", async (collection) => {
      // A gap of case and of length: order is that of the code units.
      const ids = [
        "Zed",
        "a",
        "a-b",
        "a1",
        "a10",
        "a2",
        "a_b",
        "b",
        ...Array.from({ length: 22 }, (_, i) => `n${100 + i}`),
      ];
      await Promise.all([...ids].reverse().map((id) => records.set(collection, id, sample(collection, id))));
      const sorted = [...ids].sort();
      const seen: unknown[] = [];
      let cursor: string | undefined;
      do {
        const page = await other.list(collection, { cursor, limit: 7 });
        expect(page.items.length).toBeLessThanOrEqual(7);
        seen.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      expect(seen).toEqual(sorted.map((id) => sample(collection, id)));
    });

    it("ends the last page without a cursor, and continues behind an id that is gone", async () => {
      for (const id of ["a", "b", "c", "d"]) await records.set("agents", id, sample("agents", id));
      expect(await records.list("agents", { limit: 4 })).not.toHaveProperty("nextCursor");
      const first = await records.list("agents", { limit: 2 });
      expect(first.nextCursor).toBe("b");
      await records.remove("agents", "b");
      await records.set("agents", "bb", sample("agents", "bb"));
      expect(await records.list("agents", { cursor: "b" })).toEqual({
        items: ["bb", "c", "d"].map((id) => sample("agents", id)),
      });
      expect(await records.list("agents", { cursor: "zzz" })).toEqual({ items: [] });
    });

    it("loses none of many writes at one time", async () => {
      const ids = Array.from({ length: 60 }, (_, i) => `id${100 + i}`);
      await Promise.all(ids.map((id, i) => (i % 2 ? records : other).set("keys", id, sample("keys", id))));
      await Promise.all(ids.map((id, i) => (i % 2 ? other : records).set("agents", id, sample("agents", id))));
      expect((await records.list("keys")).items).toHaveLength(60);
      expect((await other.list("agents")).items).toHaveLength(60);
    });

    it("hands out what no caller can change: a copy, or something frozen", async () => {
      const value = sample("agents", "a1");
      await records.set("agents", "a1", value);
      value.bindings.push("discord:*");
      const read = await records.get("agents", "a1");
      for (const change of [() => read?.bindings.push("slack:*"), () => read?.credentials.pop()]) {
        if (Object.isFrozen(read)) expect(change).toThrow(TypeError);
        else change();
      }
      expect(await records.get("agents", "a1")).toEqual(sample("agents", "a1"));
    });

    it.each(["", ".", "..", "../keys", "a/b", "a:b", "a\\b", "a?b", "a$", "a\0b", "%2e%2e", "ü", "x".repeat(65)])(
      "knows nothing of the crafted id %j, and takes none",
      async (id) => {
        expect(await records.get("agents", id)).toBeUndefined();
        await records.remove("agents", id);
        await expect(records.set("agents", id, sample("agents", "a1"))).rejects.toThrow(TypeError);
      },
    );
  });
}
