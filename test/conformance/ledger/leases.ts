import { describe, expect, it } from "vitest";
import type { LedgerName } from "../../../src/ports.ts";
import { freshLedger, type MakeLedger, minute, times } from "./fresh-ledger.ts";

/** @param make a fresh, empty ledger whose clock stands wherever the test sets it */
export function testLeases(name: string, make: MakeLedger): void {
  describe(`Leases: ${name}`, () => {
    const fresh = freshLedger(make);

    describe("claim", () => {
      const claim: LedgerName = "agent:a/claim";

      it("grants one of 64 concurrent claims, and tells the others who has it", async () => {
        const answers = await Promise.all(
          times(64, (i) => (i % 2 ? fresh.ledger : fresh.other).claim(claim, { owner: `owner-${i}`, ttlMs: 30_000 })),
        );
        const winners = times(64, (i) => i).filter((i) => answers[i]?.granted);
        expect(winners).toHaveLength(1);
        for (const answer of answers) {
          if (!answer.granted) expect(answer.owner).toBe(`owner-${winners[0]}`);
        }
      });

      it("holds until its owner releases it", async () => {
        expect(await fresh.ledger.claim(claim, { owner: "a", ttlMs: null })).toEqual({ granted: true });
        await fresh.at(365 * 24 * 60 * minute);
        expect(await fresh.other.claim(claim, { owner: "b", ttlMs: null })).toEqual({ granted: false, owner: "a" });
        await fresh.other.release(claim, "b");
        expect(await fresh.other.claim(claim, { owner: "b", ttlMs: null })).toEqual({ granted: false, owner: "a" });
        await fresh.ledger.release(claim, "a");
        expect(await fresh.other.claim(claim, { owner: "b", ttlMs: null })).toEqual({ granted: true });
        await fresh.ledger.release("agent:unknown/claim", "a");
      });

      it("is renewed by its owner", async () => {
        await fresh.ledger.claim(claim, { owner: "a", ttlMs: 30_000 });
        await fresh.at(20_000);
        expect(await fresh.ledger.claim(claim, { owner: "a", ttlMs: 30_000 })).toEqual({ granted: true });
        await fresh.at(40_000);
        expect(await fresh.other.claim(claim, { owner: "b", ttlMs: 30_000 })).toEqual({ granted: false, owner: "a" });
        await fresh.at(50_000);
        expect(await fresh.other.claim(claim, { owner: "b", ttlMs: 30_000 })).toEqual({ granted: true });
        expect(await fresh.ledger.claim(claim, { owner: "a", ttlMs: 30_000 })).toEqual({ granted: false, owner: "b" });
      });

      it("hands the note of an expired claim to who takes it over", async () => {
        await fresh.ledger.claim(claim, { owner: "a", ttlMs: 30_000, note: "op-1" });
        await fresh.at(30_000);
        const answers = await Promise.all([
          fresh.ledger.claim(claim, { owner: "b", ttlMs: 30_000, note: "op-2" }),
          fresh.other.claim(claim, { owner: "c", ttlMs: 30_000, note: "op-3" }),
        ]);
        expect(answers.filter((answer) => answer.granted)).toEqual([{ granted: true, abandoned: "op-1" }]);
      });

      it("keeps the note of an expired claim for the next, where he who took it over died as well", async () => {
        await fresh.ledger.claim(claim, { owner: "a", ttlMs: 30_000, note: "op-1" });
        await fresh.at(30_000);
        await fresh.other.claim(claim, { owner: "b", ttlMs: 30_000, note: "op-2" });
        await fresh.at(60_000);
        const answer = await fresh.ledger.claim(claim, { owner: "c", ttlMs: 30_000, note: "op-3" });
        expect(answer).toEqual({ granted: true, abandoned: "op-1" });
        expect(await fresh.ledger.renew(claim, { owner: "c", ttlMs: 30_000, note: "op-3" })).toBe(true);
        await fresh.at(90_000);
        expect(await fresh.other.claim(claim, { owner: "d", ttlMs: 30_000 })).toEqual({
          granted: true,
          abandoned: "op-3",
        });
      });

      it("renews what is still its owner's, though its time be over, and nothing else", async () => {
        const mine = { owner: "a", ttlMs: 30_000 };
        expect(await fresh.ledger.renew(claim, mine)).toBe(false);
        expect(await fresh.ledger.holder(claim)).toBeUndefined();
        await fresh.ledger.claim(claim, { ...mine, note: "op-1" });
        await fresh.at(40_000);
        expect(await fresh.other.renew(claim, { owner: "b", ttlMs: 30_000 })).toBe(false);
        expect(await fresh.ledger.renew(claim, mine)).toBe(true);
        await fresh.at(69_999);
        expect(await fresh.other.claim(claim, { owner: "b", ttlMs: 30_000 })).toEqual({ granted: false, owner: "a" });
        await fresh.at(70_000);
        expect(await fresh.other.claim(claim, { owner: "b", ttlMs: 30_000 })).toEqual({
          granted: true,
          abandoned: "op-1",
        });
        expect(await fresh.ledger.renew(claim, mine)).toBe(false);
        expect(await fresh.ledger.holder(claim)).toBe("b");
        await fresh.other.release(claim, "b");
        // A claim that another had in between is not the same any more.
        expect(await fresh.ledger.renew(claim, mine)).toBe(false);
        expect(await fresh.other.holder(claim)).toBeUndefined();
      });

      it("passes from one owner to another, with its note, before its time is over", async () => {
        await fresh.ledger.claim(claim, { owner: "dead", ttlMs: 30_000, note: "op-1" });
        const taking = ["a", "b"].map((owner) => fresh.other.renew(claim, { owner, ttlMs: 60_000, from: "dead" }));
        const taken = await Promise.all(taking);
        expect(taken.filter(Boolean)).toHaveLength(1);
        const owner = taken[0] ? "a" : "b";
        expect(await fresh.ledger.holder(claim)).toBe(owner);
        expect(await fresh.ledger.abandoned((one) => one === owner)).toEqual([{ name: claim, owner, note: "op-1" }]);
        expect(await fresh.ledger.renew(claim, { owner: "dead", ttlMs: 30_000 })).toBe(false);
        expect(await fresh.ledger.renew(claim, { owner: "last", ttlMs: null, from: owner })).toBe(true);
        await fresh.at(365 * 24 * 60 * minute);
        expect(await fresh.ledger.claim(claim, { owner, ttlMs: 1 })).toEqual({ granted: false, owner: "last" });
      });

      it("lists what a crash left: expired claims, and those of who is gone", async () => {
        await fresh.ledger.claim("agent:a/claim", { owner: "gone", ttlMs: 90_000, note: "op-a" });
        await fresh.ledger.claim("agent:b/claim", { owner: "here", ttlMs: 90_000, note: "op-b" });
        await fresh.ledger.claim("agent:c/claim", { owner: "slow", ttlMs: 30_000 });
        await fresh.ledger.claim("agent:d/claim", { owner: "gone", ttlMs: 90_000, note: "op-d" });
        await fresh.ledger.claim("binding:x/owner", { owner: "agent-id", ttlMs: null });
        await fresh.ledger.release("agent:d/claim", "gone");
        await fresh.at(30_000);
        const left = await fresh.other.abandoned((owner) => owner === "gone");
        expect(left.sort((x, y) => (x.name < y.name ? -1 : 1))).toEqual([
          { name: "agent:a/claim", owner: "gone", note: "op-a" },
          { name: "agent:c/claim", owner: "slow", note: undefined },
        ]);
        await fresh.ledger.release("agent:a/claim", "gone");
        await fresh.ledger.release("agent:c/claim", "slow");
        expect(await fresh.ledger.abandoned((owner) => owner === "gone")).toEqual([]);
      });
    });
  });
}
