import { beforeEach, describe, expect, it } from "vitest";
import type { AiProviderRecord } from "../../src/schema/ai-provider.ts";
import { type CachedRecords, withReadCache } from "../../src/storage/read-cache.ts";
import { sampleRecords } from "../conformance/sample-records.ts";

const named = (name: string): AiProviderRecord => ({ ...sampleRecords["ai-providers"]("p1"), name });

describe("recent records", () => {
  let stored: AiProviderRecord | undefined;
  let reads: number;
  let now: number;
  let beforeAnswer: (() => Promise<void>) | undefined;
  let records: CachedRecords;
  beforeEach(() => {
    stored = named("first");
    reads = 0;
    now = 1_000;
    beforeAnswer = undefined;
    records = withReadCache(
      {
        async get() {
          reads++;
          const seen = stored;
          await beforeAnswer?.();
          return seen as never;
        },
        async set(_, __, value) {
          stored = value as AiProviderRecord;
        },
        async replace(_, __, ___, next) {
          stored = next as AiProviderRecord | undefined;
          return true;
        },
        async remove() {
          stored = undefined;
        },
        list: async () => ({ items: [] }),
      },
      { now: () => now },
    );
  });
  const recentName = async () => (await records.recent("ai-providers", "p1", 250))?.name;

  it("answers from memory for so long, and then reads again", async () => {
    expect([await recentName(), await recentName(), reads]).toEqual(["first", "first", 1]);
    stored = named("changed elsewhere");
    now += 250;
    expect(await recentName()).toBe("first");
    now += 1;
    expect(await recentName()).toBe("changed elsewhere");
  });

  it("answers at once from memory", async () => {
    await recentName();
    expect(records.recent("ai-providers", "p1", 250)).toMatchObject({ name: "first" });
  });

  it("reads at once for callers that do not say how old a record may be", async () => {
    await recentName();
    stored = named("changed elsewhere");
    expect((await records.get("ai-providers", "p1"))?.name).toBe("changed elsewhere");
  });

  it("forgets what this process changes or removes", async () => {
    await recentName();
    await records.set("ai-providers", "p1", named("second"));
    expect(await recentName()).toBe("second");
    await records.remove("ai-providers", "p1");
    expect(await recentName()).toBeUndefined();
  });

  it("does not remember what was read while it changed, nor what is not there", async () => {
    beforeAnswer = () => records.set("ai-providers", "p1", named("second"));
    expect(await recentName()).toBe("first");
    beforeAnswer = undefined;
    expect(await recentName()).toBe("second");
    await records.remove("ai-providers", "p1");
    expect(await recentName()).toBeUndefined();
    stored = named("third");
    expect(await recentName()).toBe("third");
  });

  it("reads anew where the clock went back", async () => {
    await recentName();
    stored = named("changed elsewhere");
    now -= 1;
    expect(await recentName()).toBe("changed elsewhere");
  });
});
