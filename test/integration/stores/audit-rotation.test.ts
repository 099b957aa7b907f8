import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AuditFileOptions, createAuditFile } from "../../../adapters/node/audit/audit-file.ts";
import { createAuditSink } from "../../../adapters/node/audit/audit-sink.ts";
import { verifyAuditFiles } from "../../../adapters/node/audit/verify-audit-files.ts";
import type { AuditTrail } from "../../../src/ports.ts";

describe("a trail that is rotated", () => {
  let stateDir: string;
  let directory: string;
  let active: string;
  let trail: AuditTrail;
  const logged: string[] = [];
  const open = (options: Partial<AuditFileOptions> = {}) =>
    createAuditFile({ stateDir, clock: { now: Date.now }, log: (_, message) => logged.push(message), ...options });
  const append = (target: string, on = trail) =>
    on.append({ phase: "event", action: "agent.create", actor: "key1", target });
  const fill = async (count: number, on = trail) => {
    for (let i = 1; i <= count; i++) await append(`agent-${i}`, on);
  };
  const parts = () => readdirSync(directory).filter((name) => /^audit.*\.jsonl$/.test(name));
  const sequence = async () => {
    const seen: number[] = [];
    let cursor: number | undefined;
    do {
      const page = await trail.read({ limit: 3, cursor });
      seen.push(...page.events.map(({ seq }) => seq));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return seen;
  };
  const countdown = (from: number) => Array.from({ length: from }, (_, i) => from - i);

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), "audit-rotation-"));
    directory = join(stateDir, "provisioning");
    active = join(directory, "audit.jsonl");
    logged.length = 0;
    trail = open();
  });
  afterEach(async () => {
    await trail.close();
    rmSync(stateDir, { recursive: true });
  });

  it("closes its file with a line that says so, and goes on from its last hash in a new one", async () => {
    await fill(4);
    expect(await trail.rotate?.("admin")).toEqual({ file: "audit-000000000001-000000000005.jsonl", events: 5 });
    await append("agent-5");
    expect(parts()).toEqual(["audit-000000000001-000000000005.jsonl", "audit.jsonl"]);
    const closed = readFileSync(join(directory, parts()[0] ?? ""), "utf8")
      .trimEnd()
      .split("\n");
    const [first = "", ...rest] = readFileSync(active, "utf8").trimEnd().split("\n");
    const closing = JSON.parse(closed.at(-1) ?? "");
    expect(closing).toMatchObject({ seq: 5, action: "audit.rotate", actor: "admin", details: { file: parts()[0] } });
    expect(JSON.parse(first)).toMatchObject({ seq: 6, action: "audit.open", previous: closing.hash });
    expect(rest).toHaveLength(1);
    expect(await trail.verify()).toEqual({ ok: true, events: 7 });
    expect(await sequence()).toEqual(countdown(7));
    for (const name of parts()) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  });

  it("has nothing to close twice", async () => {
    expect(await trail.rotate?.("admin")).toBeUndefined();
    await fill(1);
    await trail.rotate?.("admin");
    expect(await trail.verify()).toMatchObject({ ok: true });
  });

  it("closes by itself at its size, whoever of two processes writes", async () => {
    await trail.close();
    trail = open({ rotateBytes: 2_000 });
    const second = open({ rotateBytes: 2_000 });
    await Promise.all([fill(40), fill(40, second)]);
    await second.close();
    expect(parts().length).toBeGreaterThan(5);
    const { ok, events } = await trail.verify();
    expect(ok).toBe(true);
    expect(await sequence()).toEqual(countdown(events));
    const made = (await trail.read({ limit: 1_000, filter: { action: "agent.create" } })).events;
    expect(made).toHaveLength(80);
  });

  it("finishes a rotation that was cut off before the file got its name", async () => {
    await fill(3);
    await trail.rotate?.("admin");
    await append("agent-4");
    // As it was when the closing line was remembered, and nothing more was done.
    renameSync(join(directory, parts()[0] ?? ""), `${active}.closed`);
    await trail.close();
    renameSync(`${active}.closed`, active);
    const database = new DatabaseSync(join(directory, "audit-head.sqlite"));
    const { hash, last } = database.prepare("SELECT hash, last FROM segments").get() as { hash: string; last: number };
    database.prepare("UPDATE head SET seq = ?, hash = ?, bytes = ?").run(last, hash, statSync(active).size);
    database.close();
    trail = open();
    expect(await trail.verify()).toEqual({ ok: true, events: 4 });
    await append("agent-5");
    expect(parts()).toHaveLength(2);
    expect(await trail.verify()).toEqual({ ok: true, events: 5 });
  });

  it("goes on behind the closed parts when a power cut took back what it remembered of them", async () => {
    await fill(3);
    const head = join(directory, "audit-head.sqlite");
    await trail.close();
    copyFileSync(head, `${head}.old`);
    trail = open();
    await trail.rotate?.("admin");
    await trail.close();
    rmSync(active);
    renameSync(`${head}.old`, head);
    trail = open();
    await append("agent-4");
    expect((await trail.read({ limit: 1 })).events[0]?.seq).toBe(5);
    expect(await trail.verify()).toEqual({ ok: true, events: 5 });
  });

  it("follows the chain across parts that were moved away, which are verified apart", async () => {
    for (let part = 0; part < 3; part++) {
      await fill(2);
      await trail.rotate?.("admin");
    }
    const [first = "", second = "", third = ""] = parts();
    const away = join(stateDir, "archive.jsonl");
    renameSync(join(directory, second), away);
    const whole = await trail.verify();
    expect(whole).toEqual({ ok: true, events: 3 + 4 + 1, movedAway: [second] });
    expect((await sequence()).length).toBe(8);
    expect(await verifyAuditFiles([away])).toEqual({ ok: true, events: 4 });
    expect(await verifyAuditFiles([join(directory, first), away, join(directory, third), active])).toEqual({
      ok: true,
      events: 12,
    });
    expect(await verifyAuditFiles([join(directory, first), join(directory, third)])).toMatchObject({
      ok: false,
      fault: { line: 1, reason: "event 8 stands where event 4 belongs" },
    });
    await expect(verifyAuditFiles([join(stateDir, "none")])).rejects.toThrow("There is no file");
  });

  it("sees that a closed part that was moved away has lost its tail", async () => {
    await fill(5);
    await trail.rotate?.("admin");
    const [first = ""] = parts();
    const away = join(stateDir, first);
    renameSync(join(directory, first), away);
    const text = readFileSync(away, "utf8");
    truncateSync(away, text.indexOf("\n", text.indexOf("agent-2")) + 1);
    expect(await verifyAuditFiles([away])).toMatchObject({ ok: false, fault: { file: away } });
    writeFileSync(away, "");
    expect(await verifyAuditFiles([away])).toMatchObject({ ok: false, fault: { file: away } });
  });

  it("closes nothing where nothing was written since the last rotation", async () => {
    await fill(2);
    expect(await trail.rotate?.("admin")).toMatchObject({ events: 3 });
    expect(await trail.rotate?.("admin")).toBeUndefined();
  });

  it("steps over closed parts on request, from what it remembers of their end", async () => {
    await fill(2);
    await trail.rotate?.("admin");
    const [first = ""] = parts();
    writeFileSync(join(directory, first), "altered\n");
    expect(await trail.verify()).toMatchObject({ ok: false, fault: { file: first, line: 1 } });
    expect(await trail.verify({ since: 4 })).toEqual({ ok: true, events: 1 });
  });

  it("names the part in which an event was altered, cut off or added", async () => {
    await fill(2);
    await trail.rotate?.("admin");
    const [first = ""] = parts();
    const path = join(directory, first);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace("agent-2", "agent-9"));
    expect((await trail.verify()).fault).toEqual({
      file: first,
      line: 2,
      reason: "event 2 was altered: its hash does not match",
    });
    writeFileSync(path, text);
    truncateSync(path, text.trimEnd().lastIndexOf("\n") + 1);
    expect((await trail.verify()).fault).toMatchObject({
      file: first,
      reason: "event 3 is not the one that was remembered as the last",
    });
    const shares: number[] = [];
    writeFileSync(path, text);
    await trail.verify({ onProgress: (_, share) => void shares.push(share) });
    expect(shares.at(-1)).toBe(1);
  });

  it.each(["create", "copytruncate"] as const)("notices and explains logrotate's %s", async (kind) => {
    await fill(3);
    const older = `${active}.1`;
    if (kind === "create") renameSync(active, older);
    else {
      copyFileSync(active, older);
      truncateSync(active);
    }
    await append("agent-4");
    expect(logged).toEqual([expect.stringContaining("as logrotate does")]);
    const { fault } = await trail.verify();
    const name = /put the older part back as (audit-\d+-\d+\.jsonl)/.exec(fault?.remedy ?? "")?.[1] ?? "";
    renameSync(older, join(directory, name));
    expect(await trail.verify()).toEqual({ ok: true, events: 4 });
    expect(await sequence()).toEqual([4, 3, 2, 1]);
    await trail.rotate?.("admin");
    expect(await trail.verify()).toEqual({ ok: true, events: 6 });
  });

  it("lets a group read it where the setting says so, and nothing else", async () => {
    await fill(1);
    await trail.close();
    trail = open({ mode: 0o640 });
    await fill(1);
    expect(statSync(active).mode & 0o777).toBe(0o640);
    expect(statSync(directory).mode & 0o777).toBe(0o710);
    await trail.rotate?.("admin");
    expect(parts()).not.toEqual([]);
    for (const name of parts()) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o640);
    await trail.close();
    trail = open();
    await append("x");
    expect(statSync(active).mode & 0o777).toBe(0o600);
    chmodSync(active, 0o604);
    await expect(append("x")).rejects.toThrow('(mode 0604): run "chmod 600');
  });

  it("hands each durable line to the sink, in order", async () => {
    await trail.close();
    const lines: string[] = [];
    trail = open({ sink: (line) => lines.push(line) });
    await Promise.all([append("a"), append("b"), append("c")]);
    expect(`${lines.join("\n")}\n`).toBe(readFileSync(active, "utf8"));
    expect(existsSync(active)).toBe(true);
  });
});

describe("audit.sink", () => {
  const log = () => {};

  it("writes each event as a line of the log", () => {
    const written: string[] = [];
    createAuditSink("stdout", { log, writeOut: (line) => written.push(line) })?.write('{"seq":1}');
    expect(JSON.parse(written[0] ?? "")).toMatchObject({ level: "info", message: "audit", event: { seq: 1 } });
    // Where stdout belongs to a person, nothing goes there.
    expect(createAuditSink("stdout", { log })).toBeUndefined();
  });

  it("sends RFC 5424 messages over UDP", async () => {
    const server = createSocket("udp4");
    server.bind(0, "127.0.0.1");
    await once(server, "listening");
    const sink = createAuditSink(`syslog://127.0.0.1:${server.address().port}`, { log });
    const received = once(server, "message");
    sink?.write('{"seq":1}');
    expect(String((await received)[0])).toMatch(
      /^<110>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S+ openclaw-provisioning \d+ audit - \{"seq":1\}$/,
    );
    await sink?.close();
    server.close();
  });

  it("sends counted frames over TCP, and says so once when nobody takes them", async () => {
    const received: Buffer[] = [];
    const server = createServer((socket: Socket) => void socket.on("data", (part) => received.push(part)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const sink = createAuditSink(`syslog+tcp://127.0.0.1:${port}`, { log });
    sink?.write('{"seq":1}');
    sink?.write('{"seq":"é"}');
    await sink?.close();
    server.close();
    await once(server, "close");
    const frames: string[] = [];
    for (let rest = Buffer.concat(received); rest.length > 0; ) {
      const space = rest.indexOf(" ");
      const end = space + 1 + Number(rest.subarray(0, space).toString());
      frames.push(rest.subarray(space + 1, end).toString());
      rest = rest.subarray(end);
    }
    expect(frames.map((frame) => frame.slice(frame.indexOf("audit - ")))).toEqual([
      'audit - {"seq":1}',
      'audit - {"seq":"é"}',
    ]);

    const messages: string[] = [];
    const lost = createAuditSink(`syslog+tcp://127.0.0.1:${port}`, { log: (_, message) => messages.push(message) });
    lost?.write("{}");
    await lost?.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    lost?.write("{}");
    await lost?.close();
    expect(messages).toEqual(["the audit trail's syslog server does not take its lines; the file has them"]);
  });
});
