import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSharedPresence } from "../../adapters/node/redis/shared-presence.ts";
import type { Ledger } from "../../src/ports.ts";

/** Texts that end, as Redis has them. */
function texts() {
  const kept = new Map<string, number>();
  let away = false;
  const ledger: Pick<Ledger, "get" | "put"> = {
    get: async (name) => ((kept.get(name) ?? 0) > Date.now() ? "1" : undefined),
    async put(name, text, ttlMs = 0) {
      if (away) throw new Error("Redis is away");
      if (text === undefined) kept.delete(name);
      else kept.set(name, Date.now() + ttlMs);
    },
  };
  return {
    ledger,
    lose: () => kept.clear(),
    goAway(is: boolean) {
      away = is;
    },
  };
}

describe("an instance on another machine", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("is lost once it was not heard of for its time and was missed for a while, and never while it lives", async () => {
    const { ledger } = texts();
    const [one, other] = ["one-1-1", "other-1-1"].map((id) => createSharedPresence(ledger, id, Date.now));
    await vi.advanceTimersByTimeAsync(600_000);
    expect(await one!.isLost("other-1-1")).toBe(false);
    // As a crash leaves it: it says nothing more, and takes nothing back.
    const stopped = vi.spyOn(ledger, "put").mockImplementation(async () => {});
    await other!.close();
    stopped.mockRestore();
    await vi.advanceTimersByTimeAsync(45_000);
    expect(await one!.isLost("other-1-1")).toBe(false);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await one!.isLost("other-1-1")).toBe(false);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await one!.isLost("other-1-1")).toBe(true);
    expect(await one!.isLost("one-1-1")).toBe(false);
    await one!.close();
  });

  it("that Redis forgot with its last second is not, since it says so again", async () => {
    const { ledger, lose } = texts();
    const [one, other] = ["one-1-1", "other-1-1"].map((id) => createSharedPresence(ledger, id, Date.now));
    await vi.advanceTimersByTimeAsync(100);
    lose();
    for (let second = 0; second < 120; second += 5) {
      expect(await one!.isLost("other-1-1"), `after ${second} s`).toBe(false);
      await vi.advanceTimersByTimeAsync(5_000);
    }
    await other!.close();
    await one!.close();
  });

  it("that was missed once is not at its next miss, however much later", async () => {
    const { ledger, lose } = texts();
    const [one, other] = ["one-1-1", "other-1-1"].map((id) => createSharedPresence(ledger, id, Date.now));
    await vi.advanceTimersByTimeAsync(100);
    lose();
    expect(await one!.isLost("other-1-1")).toBe(false);
    await vi.advanceTimersByTimeAsync(600_000);
    lose();
    expect(await one!.isLost("other-1-1")).toBe(false);
    await other!.close();
    await one!.close();
  });

  it("is not while Redis takes nothing for a few beats", async () => {
    const { ledger, goAway } = texts();
    const [one, other] = ["one-1-1", "other-1-1"].map((id) => createSharedPresence(ledger, id, Date.now));
    await vi.advanceTimersByTimeAsync(100);
    goAway(true);
    await vi.advanceTimersByTimeAsync(70_000);
    expect(await one!.isLost("other-1-1")).toBe(false);
    goAway(false);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(await one!.isLost("other-1-1")).toBe(false);
    await other!.close();
    await one!.close();
  });
});
