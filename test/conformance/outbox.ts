import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Due, Outbox, OutboxMessage } from "../../src/ports.ts";
import type { settableClock } from "./settable-clock.ts";

export interface OutboxStand {
  outbox: Outbox;
  /** Another process's. */
  second: Outbox;
  clock: ReturnType<typeof settableClock>;
  dispose(): Promise<void>;
}

const week = 7 * 86_400_000;
const leaseMs = 60_000;

/** The contract of every outbox, whatever it is kept in. */
export function testOutbox(name: string, make: () => Promise<OutboxStand>): void {
  describe(`outbox: ${name}`, () => {
    let stand: OutboxStand;
    beforeEach(async () => {
      stand = await make();
    });
    afterEach(async () => {
      await stand.dispose();
    });

    const message = (cause: string, rest: Partial<OutboxMessage> = {}): OutboxMessage => ({
      cause,
      type: "quota.exhausted",
      at: stand.clock.now(),
      data: JSON.stringify({ agentId: "support-eu", note: 'a "quoted" 🦞 text' }),
      ...rest,
    });
    const take = (limit = 10, except: string[] = []) => stand.outbox.take({ limit, leaseMs, except });
    const pass = (ms: number) => stand.clock.set(stand.clock.now() + ms);
    const isDelivery = (due: Due) => due.kind === "delivery";

    async function spread(cause: string, messageId: string, endpoints: string[]): Promise<void> {
      await stand.outbox.put(message(cause));
      const [due] = await take();
      expect(due).toMatchObject({ kind: "message", message: { cause } });
      expect(await stand.outbox.spread(cause, due!.lease, messageId, endpoints)).toBe(true);
    }
    async function takeDelivery() {
      const [due] = (await take()).filter(isDelivery);
      return due as Extract<Due, { kind: "delivery" }>;
    }

    it("gives a message back as it was put, once, with all that it carries", async () => {
      const put = message("a/1", { used: 9_007_199_254_740_000 });
      expect(await stand.outbox.put(put)).toBe(true);
      const due = await take();
      expect(due).toEqual([{ kind: "message", message: put, lease: expect.any(String) }]);
      expect(await take()).toEqual([]);
    });

    it("takes one cause once, from whichever process and however often", async () => {
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, at) => (at % 2 ? stand.outbox : stand.second).put(message("a/1"))),
      );
      expect(answers.filter(Boolean)).toHaveLength(1);
      await take().then(([due]) => stand.outbox.spread("a/1", due!.lease, "msg_1", ["one"]));
      expect(await stand.second.put(message("a/1"))).toBe(false);
      pass(week - 1);
      expect(await stand.outbox.put(message("a/1"))).toBe(false);
    });

    it("gives what is due to one of several processes at a time", async () => {
      for (let at = 0; at < 20; at++) await stand.outbox.put(message(`a/${at}`));
      const taken = await Promise.all(
        Array.from({ length: 8 }, (_, at) => (at % 2 ? stand.outbox : stand.second).take({ limit: 5, leaseMs })),
      );
      const causes = taken.flat().map((due) => due.message.cause);
      expect(causes).toHaveLength(20);
      expect(new Set(causes).size).toBe(20);
    });

    it("gives to others what its taker did not finish, and lets that one change nothing any more", async () => {
      await stand.outbox.put(message("a/1"));
      const [first] = await take();
      pass(leaseMs - 1);
      expect(await stand.second.take({ limit: 1, leaseMs })).toEqual([]);
      pass(1);
      const [second] = await stand.second.take({ limit: 1, leaseMs });
      expect(second!.message.cause).toBe("a/1");
      expect(await stand.outbox.spread("a/1", first!.lease, "msg_1", ["one", "two"])).toBe(false);
      expect(await stand.second.spread("a/1", second!.lease, "msg_1", ["one"])).toBe(true);
      const deliveries = await take();
      expect(deliveries).toMatchObject([{ kind: "delivery", endpoint: "one", messageId: "msg_1", attempts: 0 }]);
    });

    it("takes other data for what is sent, where what it is about was found since", async () => {
      await stand.outbox.put(message("a/1"));
      const [due] = await take();
      await stand.outbox.spread("a/1", due!.lease, "msg_1", ["one"], '{"agentId":"found"}');
      expect((await takeDelivery()).message.data).toBe('{"agentId":"found"}');
      const { messages } = await stand.outbox.recent(0, 10);
      expect(messages.map(({ message }) => message.data)).toEqual(['{"agentId":"found"}']);
    });

    it("keeps a message for its time", async () => {
      const dueAt = stand.clock.now() + 14 * 86_400_000;
      await stand.outbox.put(message("a/1", { dueAt }));
      expect(await take()).toEqual([]);
      expect(await stand.outbox.nextDue()).toBe(dueAt);
      pass(14 * 86_400_000);
      expect(await take()).toMatchObject([{ message: { cause: "a/1" } }]);
    });

    it("retries, counts, and shows what came of each attempt", async () => {
      await spread("a/1", "msg_1", ["one"]);
      const first = await takeDelivery();
      const at = stand.clock.now();
      const dueAt = at + 5_000;
      await stand.outbox.record(first, { state: "pending", dueAt }, { at, ms: 12, status: 503 });
      expect(await take()).toEqual([]);
      const { deliveries } = await stand.outbox.deliveries("one", { limit: 10 });
      expect(deliveries).toEqual([
        {
          endpoint: "one",
          messageId: "msg_1",
          type: "quota.exhausted",
          createdAt: at,
          state: "pending",
          attempts: 1,
          dueAt,
          last: { at, ms: 12, status: 503 },
        },
      ]);
      pass(5_000);
      const second = await takeDelivery();
      expect(second.attempts).toBe(1);
      // An answer that comes too late, under the lease before.
      await stand.outbox.record(first, { state: "failed" }, { at, ms: 1, status: 500 });
      await stand.outbox.record(second, { state: "delivered" }, { at: at + 5_000, ms: 3, status: 204 });
      pass(2 * leaseMs);
      expect(await take()).toEqual([]);
      expect((await stand.second.deliveries("one", { limit: 10 })).deliveries).toMatchObject([
        { state: "delivered", attempts: 2, last: { status: 204, ms: 3 } },
      ]);
    });

    it("an attempt that was never made is not counted, and one without an answer has its reason", async () => {
      await spread("a/1", "msg_1", ["one"]);
      await stand.outbox.record(await takeDelivery(), { state: "pending", dueAt: stand.clock.now() });
      const again = await takeDelivery();
      expect(again.attempts).toBe(0);
      await stand.outbox.record(again, { state: "failed" }, { at: stand.clock.now(), ms: 15_000, error: "timeout" });
      const { deliveries } = await stand.outbox.deliveries("one", { limit: 10 });
      expect(deliveries).toMatchObject([{ state: "failed", attempts: 1, last: { ms: 15_000, error: "timeout" } }]);
      expect(deliveries[0]!.last).not.toHaveProperty("status");
      expect(deliveries[0]).not.toHaveProperty("dueAt");
    });

    it("leaves out the endpoints that are busy", async () => {
      await spread("a/1", "msg_1", ["one", "two"]);
      expect(await take(10, ["one", "none"])).toMatchObject([{ endpoint: "two" }]);
      expect(await take(10, ["two"])).toMatchObject([{ endpoint: "one" }]);
    });

    it("sends again what is asked for, under the same id, with all of its retries", async () => {
      await spread("a/1", "msg_1", ["one"]);
      const due = await takeDelivery();
      await stand.outbox.record(due, { state: "failed" }, { at: stand.clock.now(), ms: 1, status: 500 });
      expect(await stand.outbox.resend("one", "msg_2")).toBe(false);
      expect(await stand.outbox.resend("two", "msg_1")).toBe(false);
      expect(await stand.second.resend("one", "msg_1")).toBe(true);
      expect(await take()).toMatchObject([{ endpoint: "one", messageId: "msg_1", attempts: 0 }]);
    });

    it("a delivery that was begun is its beginner's, and nobody else gets the message", async () => {
      const lease = await stand.outbox.begin(message("test/1"), "msg_1", "one", leaseMs);
      expect(await take()).toEqual([]);
      const at = stand.clock.now();
      await stand.outbox.record({ endpoint: "one", messageId: "msg_1", lease }, { state: "delivered" }, { at, ms: 1 });
      expect((await stand.outbox.deliveries("one", { limit: 10 })).deliveries).toMatchObject([{ state: "delivered" }]);
    });

    it("lists deliveries page by page, the newest first, each once", async () => {
      for (let at = 0; at < 7; at++) {
        await spread(`a/${at}`, `msg_${at}`, ["one"]);
        const due = await takeDelivery();
        await stand.outbox.record(due, { state: "delivered" }, { at: stand.clock.now(), ms: 1, status: 200 });
        // Some of one millisecond.
        if (at % 3 === 0) pass(1);
      }
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await stand.outbox.deliveries("one", { limit: 3, cursor });
        expect(page.deliveries.length).toBeLessThanOrEqual(3);
        seen.push(...page.deliveries.map(({ messageId }) => messageId));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      expect([...seen].sort()).toEqual(Array.from({ length: 7 }, (_, at) => `msg_${at}`));
      expect(seen[0]).toBe("msg_6");
      expect(seen.at(-1)).toBe("msg_0");
    });

    it("forgets an endpoint's deliveries with it", async () => {
      await spread("a/1", "msg_1", ["one", "two"]);
      await stand.outbox.discard("one");
      expect(await take()).toMatchObject([{ endpoint: "two" }]);
      expect((await stand.outbox.deliveries("one", { limit: 10 })).deliveries).toEqual([]);
    });

    it("keeps deliveries for seven days", async () => {
      await spread("a/1", "msg_1", ["one"]);
      await stand.outbox.record(await takeDelivery(), { state: "delivered" }, { at: stand.clock.now(), ms: 1 });
      pass(week - 1);
      expect((await stand.outbox.deliveries("one", { limit: 10 })).deliveries).toHaveLength(1);
      pass(2);
      expect((await stand.outbox.deliveries("one", { limit: 10 })).deliveries).toEqual([]);
      expect(await stand.outbox.resend("one", "msg_1")).toBe(false);
    });

    it("still makes a delivery that nobody could make for longer than causes are remembered", async () => {
      await spread("a/1", "msg_A", ["one"]);
      pass(week + leaseMs);
      await stand.outbox.put(message("a/2"));
      expect((await take(10, ["one"])).map((due) => due.message.cause)).toEqual(["a/2"]);
      expect(await takeDelivery()).toMatchObject({ messageId: "msg_A", message: { cause: "a/1" } });
    });

    it("a delivery that is sent again on its seventh day keeps its retries beyond that day", async () => {
      await spread("a/1", "msg_1", ["one"]);
      await stand.outbox.record(await takeDelivery(), { state: "failed" }, { at: stand.clock.now(), ms: 1 });
      await spread("a/2", "msg_2", []);
      pass(week - 60_000);
      expect(await stand.outbox.resend("one", "msg_1")).toBe(true);
      const dueAt = stand.clock.now() + 3_600_000;
      await stand.outbox.record(await takeDelivery(), { state: "pending", dueAt }, { at: stand.clock.now(), ms: 1 });
      pass(120_000);
      await take();
      pass(3_600_000);
      expect(await take()).toMatchObject([{ kind: "delivery", messageId: "msg_1", attempts: 1 }]);
    });

    it("remembers a cause for as long as it is asked to, and forgets it then", async () => {
      const keepUntil = stand.clock.now() + 30 * 86_400_000;
      await stand.outbox.put(message("long/1", { keepUntil }));
      await take().then(([due]) => stand.outbox.spread("long/1", due!.lease, "msg_1", []));
      pass(29 * 86_400_000);
      await take();
      expect(await stand.outbox.put(message("long/1"))).toBe(false);
      // A later message, so that this one is not the last number.
      await spread("a/2", "msg_2", []);
      pass(2 * 86_400_000);
      await take();
      expect(await stand.outbox.put(message("long/1"))).toBe(true);
    });

    it("tells what became due, in that order and each once, from a number on", async () => {
      const { last, messages } = await stand.outbox.recent(undefined, 10);
      expect(messages).toEqual([]);
      await spread("a/1", "msg_1", ["one"]);
      await stand.outbox.put(message("later/1", { dueAt: stand.clock.now() + 60_000 }));
      await spread("a/2", "msg_2", []);
      const first = await stand.second.recent(last, 1);
      expect(first.messages).toMatchObject([
        { messageId: "msg_1", message: { cause: "a/1", type: "quota.exhausted" } },
      ]);
      const rest = await stand.outbox.recent(first.last, 10);
      expect(rest.messages.map(({ messageId }) => messageId)).toEqual(["msg_2"]);
      expect(await stand.outbox.recent(rest.last, 10)).toEqual({ messages: [], last: rest.last });
    });

    it("says when something is due next", async () => {
      expect(await stand.outbox.nextDue()).toBeUndefined();
      await spread("a/1", "msg_1", ["one"]);
      const now = stand.clock.now();
      expect(await stand.outbox.nextDue()).toBe(now);
      const due = await takeDelivery();
      expect(await stand.outbox.nextDue()).toBe(now + leaseMs);
      await stand.outbox.record(due, { state: "pending", dueAt: now + 5_000 }, { at: now, ms: 1, status: 500 });
      expect(await stand.outbox.nextDue()).toBe(now + 5_000);
    });
  });
}
