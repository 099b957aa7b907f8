import { describe, expect, it } from "vitest";
import type { LedgerName } from "../../../src/ports.ts";
import { freshLedger, type MakeLedger, minute, times } from "./fresh-ledger.ts";

/** @param make a fresh, empty ledger whose clock stands wherever the test sets it */
export function testStateTexts(name: string, make: MakeLedger): void {
  describe(`StateTexts: ${name}`, () => {
    const fresh = freshLedger(make);

    describe("get and put", () => {
      it("shows a text to every handle at once, and its removal", async () => {
        expect(await fresh.ledger.get("key:a/state")).toBeUndefined();
        await fresh.ledger.put("key:a/state", '{"revoked":"é 日本"}');
        expect(await fresh.other.get("key:a/state")).toBe('{"revoked":"é 日本"}');
        await fresh.other.put("key:a/state", "");
        expect(await fresh.ledger.get("key:a/state")).toBe("");
        await fresh.ledger.put("key:a/state", undefined);
        expect(await fresh.other.get("key:a/state")).toBeUndefined();
      });

      it("drops a text after its time, unless it is put anew", async () => {
        await fresh.ledger.put("key:a/idempotency:1", "first", 1000);
        await fresh.at(999);
        expect(await fresh.other.get("key:a/idempotency:1")).toBe("first");
        await fresh.at(1000);
        expect(await fresh.other.get("key:a/idempotency:1")).toBeUndefined();
        await fresh.ledger.put("key:a/idempotency:1", "second", 1000);
        await fresh.ledger.put("key:a/idempotency:1", "third");
        await fresh.at(10 * minute);
        await fresh.ledger.put("key:a/idempotency:2", "sweeps", 1);
        expect(await fresh.ledger.get("key:a/idempotency:1")).toBe("third");
      });
    });

    describe("replace", () => {
      const text: LedgerName = "ai-key:a/state";

      it("lets one of many win that expect the same", async () => {
        for (const [expected, version] of [
          [undefined, 1],
          ["1-winner", 2],
        ] as const) {
          const answers = await Promise.all(
            times(16, (i) => (i % 2 ? fresh.ledger : fresh.other).replace(text, expected, `${version}-${i}`)),
          );
          expect(answers.filter(Boolean)).toHaveLength(1);
          expect(await fresh.other.get(text)).toBe(`${version}-${answers.indexOf(true)}`);
          await fresh.ledger.put(text, `${version}-winner`);
        }
      });

      it("changes nothing where another text is there, and is done where its own is", async () => {
        expect(await fresh.ledger.replace(text, "one", "two")).toBe(false);
        expect(await fresh.ledger.get(text)).toBeUndefined();
        expect(await fresh.ledger.replace(text, undefined, "one")).toBe(true);
        expect(await fresh.other.replace(text, undefined, "two")).toBe(false);
        expect(await fresh.other.replace(text, undefined, "one")).toBe(true);
        expect(await fresh.other.replace(text, "one", undefined)).toBe(true);
        expect(await fresh.ledger.get(text)).toBeUndefined();
        expect(await fresh.ledger.replace(text, "one", undefined)).toBe(true);
      });

      it("takes a text whose time is over for none, and gives one a time", async () => {
        expect(await fresh.ledger.replace(text, undefined, "one", 1_000)).toBe(true);
        await fresh.at(1_000);
        expect(await fresh.ledger.replace(text, "one", "two")).toBe(false);
        expect(await fresh.ledger.replace(text, undefined, "two")).toBe(true);
        await fresh.at(10 * minute);
        expect(await fresh.ledger.get(text)).toBe("two");
      });
    });
  });
}
