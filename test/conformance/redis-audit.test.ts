import type { Redis } from "ioredis";
import { beforeEach, describe, expect, it } from "vitest";
import { createRedisAudit } from "../../adapters/node/redis/redis-audit.ts";
import type { AuditTrail } from "../../src/ports.ts";
import { redisConnections } from "../redis-connections.ts";
import { hasRedis } from "../redis-server.ts";
import { testAuditTrail } from "./audit-trail.ts";
import { settableClock } from "./settable-clock.ts";

const event = (target: string) => ({ phase: "event" as const, action: "agent.create", actor: "cli", target });

describe.skipIf(!hasRedis)("redis", () => {
  const connections = redisConnections(3);
  let run = 0;

  testAuditTrail("Redis", async () => {
    const prefix = `test-${run++}`;
    const [instance, second] = connections.map((redis) => createRedisAudit(redis, prefix, { now: Date.now }));
    return { instance: instance!, second: second!, dispose: async () => {} };
  });

  describe("the stream of the Redis audit trail", () => {
    let trails: AuditTrail[];
    let redis: Redis;
    let stream: string;
    let head: string;

    beforeEach(() => {
      const prefix = `test-${run++}`;
      trails = connections.map((connection) => createRedisAudit(connection, prefix, settableClock()));
      redis = connections[0]!;
      stream = `{${prefix}-audit}:stream`;
      head = `{${prefix}-audit}:head`;
    });

    const fill = async (count: number) => {
      for (let i = 0; i < count; i++) await trails[i % 3]!.append(event(`agent-${i}`));
    };

    it("is one chain, whoever appends and however many at once", async () => {
      await Promise.all(Array.from({ length: 300 }, (_, i) => trails[i % 3]!.append(event(`agent-${i}`))));
      await fill(9);
      for (const trail of trails) expect(await trail.verify()).toEqual({ ok: true, events: 309 });
      const { events } = await trails[1]!.read({ limit: 1000 });
      expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 309 }, (_, i) => 309 - i));
      expect(new Set(events.map(({ target }) => target)).size).toBe(300);
    });

    it("verifies a trail of many pages, and reads on where a page ended", async () => {
      await Promise.all(Array.from({ length: 1234 }, (_, i) => trails[0]!.append(event(`agent-${i}`))));
      expect(await trails[2]!.verify()).toEqual({ ok: true, events: 1234 });
      const first = await trails[1]!.read({ limit: 2, filter: { target: "agent-3" } });
      expect(first.events.map(({ seq }) => seq)).toEqual([4]);
      expect(first.nextCursor).toBeUndefined();
      const page = await trails[1]!.read({ limit: 700 });
      expect(page.nextCursor).toBe(535);
      const rest = await trails[1]!.read({ limit: 700, cursor: page.nextCursor });
      expect([rest.events.length, rest.events[0]?.seq, rest.nextCursor]).toEqual([534, 534, undefined]);
    });

    it("finds an event that was taken out, and names its place", async () => {
      await fill(6);
      await redis.xdel(stream, "4-0");
      expect(await trails[0]!.verify()).toMatchObject({ ok: false, fault: { line: 4 } });
    });

    it("finds a tail that was cut off by the head that is remembered", async () => {
      await fill(6);
      await redis.xdel(stream, "5-0", "6-0");
      expect(await trails[0]!.verify()).toEqual({
        ok: false,
        events: 4,
        fault: { line: 5, reason: "the end is missing: events 5 to 6 were cut off" },
      });
      await redis.del(stream);
      expect(await trails[0]!.verify()).toMatchObject({ ok: false, events: 0 });
    });

    it("finds events that stand behind the head, as no append puts them", async () => {
      await fill(3);
      await redis.xadd(stream, "4-0", "line", '{"seq":4}');
      expect(await trails[0]!.verify()).toMatchObject({ ok: false, fault: { line: 4 } });
    });

    it("does not begin anew where the head was removed", async () => {
      await fill(3);
      await redis.del(head);
      await expect(trails[0]!.append(event("agent-4"))).rejects.toMatchObject({ code: "audit_unwritable" });
      expect(await redis.xlen(stream)).toBe(3);
    });

    it("says what to do where the head was removed or is behind, and goes on once that is done", async () => {
      for (const [take, headIs] of [
        [() => redis.del(head), "its head is gone"],
        [(earlier: Record<string, string>) => redis.hset(head, earlier), "its head stands at event 6"],
      ] as const) {
        const earlier = await redis.hgetall(head);
        await fill(3);
        const { events } = (await trails[0]!.verify()) as { events: number };
        await take(earlier);
        const refusal = {
          code: "audit_unwritable",
          message: expect.stringMatching(`${headIs}.*provisioning audit verify`),
        };
        await expect(trails[0]!.append(event("agent-4"))).rejects.toMatchObject(refusal);
        await expect(trails[1]!.check()).rejects.toMatchObject(refusal);
        const verdict = await trails[2]!.verify();
        expect(verdict).toMatchObject({ ok: false, events, fault: { reason: expect.stringContaining(headIs) } });
        const [, database, key, seq, hash] = /redis-cli -n (\d+) HSET '(\S+)' seq (\d+) hash (\S+)$/.exec(
          verdict.fault?.remedy ?? "",
        )!;
        expect([Number(database), key]).toEqual([redis.options.db, head]);
        await redis.hset(head, "seq", seq!, "hash", hash!);
        await Promise.all(trails.flatMap((trail) => [trail.append(event("after")), trail.check()]));
        expect(await trails[2]!.verify()).toEqual({ ok: true, events: events + 3 });
      }
    });
  });
});
