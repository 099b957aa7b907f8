import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CounterReservation, Ledger, LedgerName, Outbox } from "../../src/ports.ts";

type Counters = Pick<Ledger, "reserve" | "settle" | "settleStale">;

export interface ThresholdStand {
  ledger: Counters;
  /** Another process's. */
  second: Counters;
  outbox: Outbox;
  /** Does an alarm's work, where the ledger has an alarm that brings alerts to the outbox. */
  bring(name: LedgerName): Promise<void>;
  dispose(): Promise<void>;
}

/** The charge and its alert are one: whatever the ledger is kept in, this holds. */
export function testThresholds(name: string, make: () => Promise<ThresholdStand>): void {
  describe(`thresholds: ${name}`, () => {
    let stand: ThresholdStand;
    let tokens: LedgerName;
    let reservation: (id: number) => LedgerName;
    beforeEach(async () => {
      stand = await make();
      const key = `ai-key:${crypto.randomUUID().replaceAll("-", "")}` as const;
      tokens = `${key}/tokens`;
      reservation = (id) => `${key}/reservation:${id}`;
    });
    afterEach(() => stand.dispose());

    const entry = (amount: number, limit = 1_000, period = "2026-11"): CounterReservation => ({
      counter: tokens,
      period,
      limit,
      amount,
      alertAt: [50, 80],
    });
    async function spend(id: number, used: number, entries = [entry(used)], ledger = stand.ledger): Promise<void> {
      expect(await ledger.reserve(reservation(id), entries)).toEqual({ outcome: "reserved" });
      await ledger.settle(reservation(id), { [tokens]: used });
    }
    async function told(): Promise<[percent: number, used: number][]> {
      await stand.bring(tokens);
      const due = await stand.outbox.take({ limit: 100, leaseMs: 60_000 });
      const mine = due.map(({ message }) => message).filter(({ data }) => JSON.parse(data).counter === tokens);
      for (const { type, data } of mine) {
        expect(type).toBe("quota.threshold_reached");
        expect(JSON.parse(data)).toMatchObject({ counter: tokens, limit: expect.any(Number) });
      }
      return mine
        .map(({ data, used }): [number, number] => [JSON.parse(data).percent as number, used!])
        .sort((a, b) => a[0] - b[0]);
    }

    it("tells of each percent once, with what was used when it was passed", async () => {
      await spend(1, 499);
      expect(await told()).toEqual([]);
      await spend(2, 1);
      expect(await told()).toEqual([[50, 500]]);
      await spend(3, 299);
      expect(await told()).toEqual([]);
      await spend(4, 150);
      expect(await told()).toEqual([[80, 949]]);
      await spend(5, 51);
      expect(await told()).toEqual([]);
    });

    it("tells of all that one charge passes", async () => {
      await spend(1, 1_000);
      expect(await told()).toEqual([
        [50, 1_000],
        [80, 1_000],
      ]);
    });

    it("tells of what was really charged, and of nothing that was only reserved", async () => {
      await stand.ledger.reserve(reservation(1), [entry(900)]);
      expect(await told()).toEqual([]);
      await stand.second.settle(reservation(1), { [tokens]: 499 });
      expect(await told()).toEqual([]);
      await stand.ledger.reserve(reservation(2), [entry(400)]);
      await stand.second.settle(reservation(2), "reserved");
      expect(await told()).toEqual([
        [50, 899],
        [80, 899],
      ]);
    });

    it("tells of what a dead process left, when it is charged as reserved", async () => {
      await stand.ledger.reserve(reservation(1), [entry(600)]);
      await stand.second.settleStale("ai-key:", -1);
      expect(await told()).toEqual([[50, 600]]);
    });

    it("a settlement that is repeated tells nothing twice", async () => {
      await stand.ledger.reserve(reservation(1), [entry(600)]);
      const settle = () => stand.ledger.settle(reservation(1), { [tokens]: 600 });
      await Promise.all([settle(), settle(), stand.second.settle(reservation(1), { [tokens]: 600 })]);
      expect(await told()).toEqual([[50, 600]]);
    });

    it("another limit, and another period, are told of anew", async () => {
      await spend(1, 500);
      expect(await told()).toEqual([[50, 500]]);
      await spend(2, 500, [entry(500, 2_000)]);
      expect(await told()).toEqual([[50, 1_000]]);
      await spend(3, 500, [entry(500, 1_000, "2026-12")]);
      expect(await told()).toEqual([[50, 500]]);
    });

    it("says nothing where nobody asked to be told, or there is no limit", async () => {
      const { alertAt: _, ...silent } = entry(900);
      await spend(1, 900, [silent]);
      await spend(2, 900, [{ ...entry(900), limit: null }]);
      expect(await told()).toEqual([]);
    });

    it("many at once, through two processes, are told of once", async () => {
      await Promise.all(
        Array.from({ length: 100 }, (_, id) => spend(id, 10, [entry(10)], id % 2 ? stand.ledger : stand.second)),
      );
      expect((await told()).map(([percent]) => percent)).toEqual([50, 80]);
    });
  });
}
