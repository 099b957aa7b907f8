import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Ledger } from "../../src/ports.ts";

/** By its address, for its types are those of another runtime. */
const ledgerModule: string = "../../adapters/cloudflare/ledger.ts";

describe("the ledger over Durable Objects", () => {
  let ledger: Ledger;
  let notes: string[];
  let calls: string[];
  /** What each call of an object ends with, in turn; then it is answered. */
  let faults: object[];
  let silent: ReadonlySet<string>;

  const answer = (id: string, name: string, value: unknown) => async () => {
    calls.push(`${name} of ${id}`);
    const fault = faults.shift();
    if (fault) throw Object.assign(new Error("the object is away"), fault);
    if (silent.has(id)) throw new Error("the object does not answer");
    return value;
  };
  const lease = (id: string, expired: boolean) => ({ name: `agent:${id}/claim`, owner: id, expired });
  const objects = {
    idFromName: (name: string) => name,
    idFromString(id: string) {
      if (id === "foreign") throw new TypeError("Invalid Durable Object ID");
      return id;
    },
    get: (id: string) => ({
      readText: answer(id, "readText", "text"),
      creditEstimates: answer(id, "creditEstimates", 1),
      settleStale: answer(id, "settleStale", 1),
      endingLeases: answer(id, "endingLeases", [lease(id, id === "o1")]),
    }),
  };

  beforeEach(async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    [notes, calls, faults, silent] = [[], [], [], new Set()];
    const clock = { now: () => Date.UTC(2026, 10, 30) };
    ledger = (await import(ledgerModule)).createDurableLedger({
      objects,
      leftovers: { objects: async () => notes },
      clock,
    });
  });
  afterEach(() => void vi.restoreAllMocks());

  it("asks an object once more that moves, and none that has too much to do or fails", async () => {
    faults = [{ retryable: true }];
    expect(await ledger.get("key:a/state")).toBe("text");
    expect(calls).toHaveLength(2);
    for (const fault of [{ retryable: true, overloaded: true }, { retryable: false }, {}]) {
      [calls, faults] = [[], [fault]];
      await expect(ledger.get("key:a/state")).rejects.toMatchObject({ code: "store_unreadable" });
      expect(calls).toHaveLength(1);
    }
    [calls, faults] = [[], [{ retryable: true }]];
    await expect(ledger.creditEstimates("key:a/usage", 0)).rejects.toMatchObject({ code: "store_unwritable" });
    expect(calls).toHaveLength(1);
  });

  it("visits no more objects in one run than a Worker's invocation can ask", async () => {
    notes = Array.from({ length: 150 }, (_, at) => `o${at}`);
    expect(await ledger.settleStale("key:", 0)).toBe(100);
    expect(calls).toHaveLength(100);
  });

  it("comes to the others where one does not answer, or is of another deployment, and fails where none answers", async () => {
    notes = ["o0", "foreign", "o1", "o2"];
    silent = new Set(["o0"]);
    expect(await ledger.settleStale("key:", 0)).toBe(2);
    silent = new Set(["o0", "o1", "o2"]);
    await expect(ledger.settleStale("key:", 0)).rejects.toMatchObject({ code: "store_unwritable" });
    notes = ["foreign"];
    expect(await ledger.settleStale("key:", 0)).toBe(0);
  });

  it("finds what was left by those whose time is over, or who are gone", async () => {
    notes = ["o0", "o1", "o2"];
    const owners = async (isGone: (owner: string) => boolean) =>
      (await ledger.abandoned(isGone)).map(({ owner }) => owner);
    expect(await owners(() => false)).toEqual(["o1"]);
    expect(await owners((owner) => owner === "o2")).toEqual(["o1", "o2"]);
  });
});
