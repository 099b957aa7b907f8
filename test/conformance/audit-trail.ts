import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { canonicalJson, genesis } from "../../src/domain/audit-chain.ts";
import type { AuditEvent } from "../../src/domain/audit-event.ts";
import type { AuditTrail } from "../../src/ports.ts";
import type { AuditRecord } from "../../src/schema/audit-event.ts";

export interface AuditTrailUnderTest {
  instance: AuditTrail;
  /** Another handle on the same trail, as another process would have. */
  second: AuditTrail;
  dispose(): Promise<void>;
}

const event = (target: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  phase: "event",
  action: "agent.create",
  actor: "key1",
  target,
  ...more,
});

/** @param make a fresh, empty trail */
export function testAuditTrail(name: string, make: () => Promise<AuditTrailUnderTest>): void {
  describe(`AuditTrail: ${name}`, () => {
    let made: AuditTrailUnderTest;
    let trail: AuditTrail;
    let other: AuditTrail;

    beforeEach(async () => {
      made = await make();
      trail = made.instance;
      other = made.second;
    });
    afterEach(() => made.dispose());

    const all = async (): Promise<AuditRecord[]> => (await trail.read({ limit: 10_000 })).events.reverse();

    it("is empty at first, and in order", async () => {
      expect(await trail.read({ limit: 10 })).toEqual({ events: [] });
      expect(await trail.verify()).toEqual({ ok: true, events: 0 });
      await trail.check();
      expect(await trail.verify()).toEqual({ ok: true, events: 0 });
    });

    it("keeps every field of an event, numbered and timed", async () => {
      const whole: AuditEvent = {
        phase: "outcome",
        action: "agent.delete",
        actor: "admin",
        outcome: "failure",
        operationId: "operation-1",
        requestId: "request-1",
        target: "agent-1",
        address: "127.0.0.1",
        details: {
          name: 'a "quoted" name\n\u2028 — агент 🦞 \ud800',
          count: -1.5,
          fine: true,
          list: ["b", "a"],
          10: "x",
          9: "y",
        },
      };
      await trail.append(whole);
      const { events } = await trail.read({ limit: 1 });
      expect(events).toEqual([
        {
          ...whole,
          seq: 1,
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          previous: genesis.hash,
          hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        },
      ]);
      expect(await other.verify()).toEqual({ ok: true, events: 1 });
    });

    it("chains each event to the one before, so that anybody can recompute it from what is read", async () => {
      for (let i = 0; i < 5; i++)
        await (i % 2 ? trail : other).append(event(`agent-${i}`, { details: { b: i, a: "x" } }));
      let previous = genesis.hash;
      for (const { hash, previous: linked, ...rest } of await all()) {
        expect(linked).toBe(previous);
        expect(
          createHash("sha256")
            .update(previous + canonicalJson(rest))
            .digest("hex"),
        ).toBe(hash);
        previous = hash;
      }
    });

    it("reads newest first, in pages that neither repeat nor leave out", async () => {
      for (let i = 1; i <= 25; i++) await trail.append(event(`agent-${i}`));
      const seen: number[] = [];
      let cursor: number | undefined;
      let pages = 0;
      do {
        const page = await other.read({ limit: 10, cursor });
        seen.push(...page.events.map(({ seq }) => seq));
        cursor = page.nextCursor;
        // An event appended meanwhile stands before the first page.
        await trail.append(event("later"));
        pages++;
      } while (cursor !== undefined);
      expect(pages).toBe(3);
      expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => 25 - i));
      expect(await trail.read({ limit: 28 })).not.toHaveProperty("nextCursor");
    });

    it("filters by action, actor and target, together", async () => {
      for (let i = 0; i < 12; i++) {
        await trail.append(
          event(`agent-${i % 3}`, { action: i % 2 ? "agent.delete" : "agent.create", actor: i < 6 ? "key1" : "key2" }),
        );
      }
      const seqs = async (filter: object) => (await other.read({ limit: 100, filter })).events.map(({ seq }) => seq);
      expect(await seqs({ action: "agent.delete" })).toEqual([12, 10, 8, 6, 4, 2]);
      expect(await seqs({ actor: "key2" })).toEqual([12, 11, 10, 9, 8, 7]);
      expect(await seqs({ target: "agent-0" })).toEqual([10, 7, 4, 1]);
      expect(await seqs({ action: "agent.delete", actor: "key2", target: "agent-0" })).toEqual([10]);
      expect(await seqs({ actor: "nobody" })).toEqual([]);
      const first = await other.read({ limit: 2, filter: { target: "agent-0" } });
      expect(first.nextCursor).toBe(7);
      expect(await other.read({ limit: 2, cursor: 7, filter: { target: "agent-0" } })).not.toHaveProperty("nextCursor");
    });

    it("filters by phase, outcome and day", async () => {
      for (let i = 0; i < 3; i++) {
        const operationId = `operation-${i}`;
        await trail.append(event("agent-1", { phase: "intent", operationId }));
        await trail.append(
          event("agent-1", { phase: "outcome", operationId, outcome: i === 1 ? "failure" : "success" }),
        );
      }
      await trail.append(event("agent-2", { outcome: "denied" }));
      const seqs = async (filter: object) => (await other.read({ limit: 100, filter })).events.map(({ seq }) => seq);
      expect(await seqs({ phase: "intent" })).toEqual([5, 3, 1]);
      expect(await seqs({ outcome: "success" })).toEqual([6, 2]);
      expect(await seqs({ phase: "outcome", outcome: "failure" })).toEqual([4]);
      expect(await seqs({ phase: "event", target: "agent-1" })).toEqual([]);
      const [first, last] = [(await all()).at(0)!, (await all()).at(-1)!].map(({ time }) => time.slice(0, 10));
      expect(await seqs({ from: first, to: last, outcome: "denied" })).toEqual([7]);
      expect(await seqs({ from: "2999-01-01" })).toEqual([]);
      expect(await seqs({ to: "1999-01-01" })).toEqual([]);
    });

    it("chains events in the order in which their appends resolve, and loses none, from two handles at once", async () => {
      const resolved: string[] = [];
      await Promise.all(
        Array.from({ length: 300 }, async (_, i) => {
          await (i % 3 === 0 ? other : trail).append(event(`agent-${i}`));
          resolved.push(`agent-${i}`);
        }),
      );
      const events = await all();
      expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
      expect(new Set(events.map(({ target }) => target)).size).toBe(300);
      expect(await trail.verify()).toEqual({ ok: true, events: 300 });
      for (const handle of [0, 1]) {
        const own = (target = "") => (Number(target.slice(6)) % 3 === 0 ? 1 : 0) === handle;
        expect(resolved.filter(own)).toEqual(events.map(({ target }) => target).filter(own));
      }
    });

    it("verifies while it is being written", async () => {
      let done = false;
      const writing = (async () => {
        for (let i = 0; i < 150; i++) await trail.append(event(`agent-${i}`));
        done = true;
      })();
      while (!done) expect((await other.verify()).ok).toBe(true);
      await writing;
      expect(await other.verify()).toEqual({ ok: true, events: 150 });
    });

    it("finishes what was asked before close", async () => {
      const asked = Array.from({ length: 20 }, (_, i) => trail.append(event(`agent-${i}`)));
      await trail.close();
      await Promise.all(asked);
      expect(await other.verify()).toEqual({ ok: true, events: 20 });
    });
  });
}
