import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createInstance, machineName } from "../../adapters/node/instance.ts";

const instance = createInstance();
const [host] = instance.id.split("-");
const operation = (owner: string) => `${owner}.0123456789abcdef`;
const startOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ")[19];

describe.runIf(process.platform === "linux")("an instance", () => {
  let alive: ChildProcess;
  let gone: number;
  beforeAll(async () => {
    const short = spawn(process.execPath, ["-e", ""]);
    gone = short.pid!;
    await once(short, "exit");
    alive = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  });
  afterAll(() => alive.kill());

  it("is named by host, process and the moment that started", () => {
    expect(instance.id).toBe(`${host}-${process.pid}-${startOf(process.pid)}`);
    expect(createInstance().id).toBe(instance.id);
  });

  it("is not gone while it runs: itself, and others", () => {
    expect(instance.isGone(operation(instance.id))).toBe(false);
    expect(instance.isGone(operation(`${host}-${alive.pid}-${startOf(alive.pid!)}`))).toBe(false);
  });

  it("is gone when there is no such process", () => {
    expect(instance.isGone(operation(`${host}-${gone}-12345`))).toBe(true);
  });

  it("is gone when its number belongs to another process by now", () => {
    expect(instance.isGone(operation(`${host}-${alive.pid}-1`))).toBe(true);
    expect(instance.isGone(operation(`${host}-${process.pid}-1`))).toBe(true);
  });

  it("is not called gone where that cannot be known", () => {
    expect(instance.isGone(operation(`another${host}-${gone}-12345`))).toBe(false);
    // Without a start time, a process of that number may be the one.
    expect(instance.isGone(operation(`${host}-${alive.pid}-0`))).toBe(false);
    for (const owner of ["", "agent:my-agent", "..", `${host}-${gone}-12345`, "x#y"]) {
      expect([owner, instance.isGone(owner)]).toEqual([owner, false]);
    }
  });

  it("goes by the machine where the store is shared: another of the same hostname may be alive", () => {
    const here = createInstance(machineName());
    const earlier = (id: string) => operation(id.replace(/\d+$/, "1"));
    expect(here.isGone(operation(here.id))).toBe(false);
    expect(here.isGone(earlier(here.id))).toBe(true);
    expect(here.isGone(earlier(instance.id))).toBe(false);
    expect(createInstance(machineName()).id).toBe(here.id);
  });
});
