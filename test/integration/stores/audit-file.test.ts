import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAuditFile } from "../../../adapters/node/audit/audit-file.ts";
import { genesis, linkEvent } from "../../../src/domain/audit-chain.ts";
import type { AuditTrail } from "../../../src/ports.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("audit.jsonl", () => {
  let stateDir: string;
  let path: string;
  let trail: AuditTrail;
  const open = () => createAuditFile({ stateDir, clock: { now: Date.now } });
  const append = (target: string) => trail.append({ phase: "event", action: "agent.create", actor: "key1", target });
  const text = () => readFileSync(path, "utf8");
  const lines = () => text().trimEnd().split("\n");
  const targets = async () => (await trail.read({ limit: 1000 })).events.map(({ target }) => target);

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), "audit-file-"));
    path = join(stateDir, "provisioning", "audit.jsonl");
    trail = open();
  });
  afterEach(async () => {
    await trail.close();
    rmSync(stateDir, { recursive: true });
  });
  const fill = async () => {
    for (let i = 1; i <= 5; i++) await append(`agent-${i}`);
  };

  it("is private from birth, with the file of its head, whatever the umask", async () => {
    const umask = process.umask(0);
    try {
      await fill();
    } finally {
      process.umask(umask);
    }
    const directory = join(stateDir, "provisioning");
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(readdirSync(directory).sort()).toEqual([
      "audit-head.sqlite",
      "audit-head.sqlite-shm",
      "audit-head.sqlite-wal",
      "audit.jsonl",
    ]);
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  });

  it("holds one event a line, which any tool can read and recompute", async () => {
    await fill();
    expect(lines()).toHaveLength(5);
    const { previous, hash, ...event } = JSON.parse(lines()[2] ?? "") as Record<string, string>;
    expect(event).toMatchObject({ seq: 3, target: "agent-3" });
    expect(sha256(previous + JSON.stringify(event))).toBe(hash);
  });

  it("names the line that was altered", async () => {
    await fill();
    writeFileSync(path, text().replace("agent-3", "agent-9"));
    expect(await trail.verify()).toEqual({
      ok: false,
      events: 2,
      fault: { line: 3, reason: "event 3 was altered: its hash does not match" },
    });
    // And goes on naming it after more events.
    await append("agent-6");
    expect((await trail.verify()).fault?.line).toBe(3);
  });

  it("sees that the tail was cut off, before and after the next append", async () => {
    await fill();
    writeFileSync(path, `${lines().slice(0, 3).join("\n")}\n`);
    const cut = { ok: false, events: 3, fault: { line: 4, reason: "the end is missing: events 4 to 5 were cut off" } };
    expect(await trail.verify()).toEqual(cut);
    await append("agent-6");
    expect(await trail.verify()).toEqual({
      ok: false,
      events: 3,
      fault: { line: 4, reason: "event 6 stands where event 4 belongs" },
    });
    expect((await trail.read({ limit: 1 })).events[0]?.seq).toBe(6);
  });

  it("sees that the tail was cut off in the middle of a line, and destroys nothing of what is left", async () => {
    await fill();
    truncateSync(path, statSync(path).size - 20);
    expect((await trail.verify()).fault).toEqual({ line: 5, reason: "the end is missing: events 5 to 5 were cut off" });
    const left = text();
    await append("agent-6");
    expect(text().startsWith(`${left}\n`)).toBe(true);
    expect((await trail.verify()).fault).toEqual({ line: 5, reason: "is not valid JSON" });
  });

  it("sees that the whole file is gone or was begun anew", async () => {
    await fill();
    renameSync(path, `${path}.old`);
    expect(await trail.verify()).toEqual({
      ok: false,
      events: 0,
      fault: { line: 1, reason: "the end is missing: events 1 to 5 were cut off" },
    });
    await append("agent-6");
    expect((await trail.verify()).fault).toMatchObject({ line: 1, reason: "event 6 stands where event 1 belongs" });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("sees that the trail was rewritten with hashes that fit", async () => {
    await fill();
    let head = genesis;
    let forged = "";
    for (const line of lines()) {
      const { previous, hash, seq, time, ...event } = JSON.parse(line) as Record<string, string>;
      const link = await linkEvent(head, { ...event, actor: "key2" }, time ?? "", sha256);
      forged += `${link.line}\n`;
      head = link.head;
    }
    writeFileSync(path, forged);
    expect((await trail.verify()).fault).toEqual({
      line: 5,
      reason: "event 5 is not the one that was remembered as the last",
    });
  });

  it("sees lines that another hand appended, and keeps its own chain apart from them", async () => {
    await fill();
    const link = await linkEvent({ seq: 7, hash: "f".repeat(64) }, { actor: "x" }, "2026-11-22T18:00:00.000Z", sha256);
    appendFileSync(path, `not an event\n${link.line}\n`);
    expect((await trail.verify()).fault).toEqual({ line: 6, reason: "is not valid JSON" });
    await append("agent-6");
    expect(lines()).toHaveLength(8);
    expect((await trail.verify()).fault?.line).toBe(6);
    // Numbers rise on, so that paging is not confused.
    expect((await trail.read({ limit: 1 })).events[0]).toMatchObject({ seq: 9, target: "agent-6" });
    expect(await targets()).toHaveLength(6);
  });

  it("finds bytes changed into others that read the same", async () => {
    await append("\ufffd");
    const bytes = readFileSync(path);
    const at = bytes.indexOf(Buffer.from("\ufffd"));
    Buffer.from([0xf0, 0x90, 0x80]).copy(bytes, at);
    expect(bytes.toString()).toBe(text());
    writeFileSync(path, bytes);
    expect((await trail.verify()).fault).toEqual({ line: 1, reason: "is not valid UTF-8" });
  });

  it("drops a line torn by a crash and adopts the whole ones before it", async () => {
    await fill();
    const head = await headOf(lines()[4] ?? "");
    const sixth = await linkEvent(head, { target: "agent-6" }, "2026-11-22T18:00:00.000Z", sha256);
    const seventh = await linkEvent(sixth.head, { target: "agent-7" }, "2026-11-22T18:00:00.000Z", sha256);
    appendFileSync(path, `${sixth.line}\n${seventh.line.slice(0, 50)}`);
    expect(await trail.verify()).toEqual({ ok: true, events: 6 });
    await trail.check();
    expect(lines()).toHaveLength(6);
    await append("agent-7");
    expect(await trail.verify()).toEqual({ ok: true, events: 7 });
  });

  it("goes on from the file when what remembers its head was lost", async () => {
    await fill();
    await trail.close();
    for (const name of readdirSync(join(stateDir, "provisioning"))) {
      if (name.startsWith("audit-head")) rmSync(join(stateDir, "provisioning", name));
    }
    trail = open();
    expect(await trail.verify()).toEqual({ ok: true, events: 5 });
    await append("agent-6");
    expect(await trail.verify()).toEqual({ ok: true, events: 6 });
  });

  it("refuses, with the remedy, a file that others can read or that stands elsewhere", async () => {
    await fill();
    chmodSync(path, 0o644);
    const open644 = /^provisioning\/audit\.jsonl is open to others \(mode 0644\): run "chmod 600/;
    await expect(append("x")).rejects.toMatchObject({
      code: "audit_unwritable",
      message: expect.stringMatching(open644),
    });
    await expect(trail.check()).rejects.toMatchObject({ code: "audit_unwritable" });
    await expect(trail.read({ limit: 1 })).rejects.toMatchObject({
      code: "store_unreadable",
      message: expect.stringMatching(open644),
    });
    await expect(trail.verify()).rejects.toMatchObject({ code: "store_unreadable" });
    expect(lines()).toHaveLength(5);
    renameSync(path, join(stateDir, "elsewhere"));
    chmodSync(join(stateDir, "elsewhere"), 0o600);
    symlinkSync(join(stateDir, "elsewhere"), path);
    await expect(append("x")).rejects.toMatchObject({ code: "audit_unwritable" });
    await expect(trail.read({ limit: 1 })).rejects.toThrow("provisioning/audit.jsonl is a symbolic link");
    expect(readFileSync(join(stateDir, "elsewhere"), "utf8").trimEnd().split("\n")).toHaveLength(5);
  });

  it("writes nothing where it only reads", async () => {
    expect(await trail.read({ limit: 5 })).toEqual({ events: [] });
    expect(existsSync(path)).toBe(false);
  });

  it("pages through a long trail from the end and from the middle", async () => {
    const count = 3000;
    await Promise.all(Array.from({ length: count }, (_, i) => append(`agent-${i + 1}-${"x".repeat(i % 400)}`)));
    expect(statSync(path).size).toBeGreaterThan(1_000_000);
    const seen: number[] = [];
    let cursor: number | undefined;
    do {
      const page = await trail.read({ limit: 170, cursor });
      seen.push(...page.events.map(({ seq }) => seq));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => count - i));
    expect((await trail.read({ limit: 1, cursor: 2 })).events[0]?.seq).toBe(1);
    expect(await trail.read({ limit: 1, cursor: 1 })).toEqual({ events: [] });
    expect((await trail.read({ limit: 1, cursor: 10_000 })).events[0]?.seq).toBe(count);
    // A line longer than a block is one event like any other.
    await trail.append({ phase: "event", action: "a", actor: "b", details: { text: "y".repeat(200_000) } });
    await append("last");
    expect((await trail.read({ limit: 3 })).events.map(({ seq }) => seq)).toEqual([count + 2, count + 1, count]);
    expect(await trail.verify()).toEqual({ ok: true, events: count + 2 });
  });
});

async function headOf(line: string) {
  const { seq, hash } = JSON.parse(line) as { seq: number; hash: string };
  return { seq, hash };
}
