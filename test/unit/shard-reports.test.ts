import { beforeEach, describe, expect, it } from "vitest";

/** By its address, for its types are those of another runtime. */
const shardReports: string = "../../adapters/cloudflare/shard-reports.ts";

describe("what a shard tells the sums over all", () => {
  const days = new Set<string>();
  let sent: { arrive(): void; fail(): void }[];
  let reports: {
    tell(now: number): Promise<boolean>;
    noteChanged(shard: unknown, now: number, fleet: string, name: string, day?: string): void;
    unnote(): void;
  };
  const shard = {
    noteChanged: (day: string) => void days.add(day),
    dueReport() {
      const marks = [...days];
      if (marks.length === 0) return undefined;
      return { fleet: "fleet", report: { usage: [] }, told: () => void marks.map((day) => days.delete(day)) };
    },
  };
  const change = () => reports.noteChanged(shard, 0, "fleet", "ai-key:a/usage", "2026-11-30");

  beforeEach(async () => {
    days.clear();
    sent = [];
    reports = (await import(shardReports)).createShardReports({
      read: (work: (over: typeof shard) => unknown) => work(shard),
      write: (_: number, work: (over: typeof shard) => void) => work(shard),
      wakeSoon: () => {},
      send: () =>
        new Promise<void>((resolve, reject) =>
          sent.push({ arrive: resolve, fail: () => reject(new Error("it moves")) }),
        ),
    });
  });

  it("has what changed while a report was on its way, though another change was taken back meanwhile", async () => {
    change();
    const telling = reports.tell(0);
    await expect.poll(() => sent.length).toBe(1);
    change();
    reports.unnote();
    sent[0]!.arrive();
    expect(await telling).toBe(true);
    expect([...days]).toEqual(["2026-11-30"]);
  });

  it("is told in order, and kept where the later of two reports fails", async () => {
    change();
    const telling = reports.tell(0);
    await expect.poll(() => sent.length).toBe(1);
    change();
    const later = reports.tell(0);
    sent[0]!.arrive();
    await telling;
    await expect.poll(() => sent.length).toBe(2);
    sent[1]!.fail();
    expect(await later).toBe(false);
    expect([...days]).toEqual(["2026-11-30"]);
  });
});
