import { expect, it } from "vitest";
import { createJsonLog } from "../../adapters/node/json-log.ts";
import type { LogLevel } from "../../src/ports.ts";

function logged(level: LogLevel, write: (log: ReturnType<typeof createJsonLog>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  write(createJsonLog(level, (line) => lines.push(line)));
  for (const line of lines) expect(line).toMatch(/^\{[^\n]*\}\n$/);
  return lines.map((line) => JSON.parse(line));
}

it("is one JSON object a line, whatever is in it", () => {
  const cause = new Error("outer\nsecond line", { cause: new Error("inner") });
  const [line] = logged("info", (log) => log("error", "two\nlines", { requestId: "req_1", cause, count: 3 }));
  expect(line).toMatchObject({ level: "error", message: "two\nlines", requestId: "req_1", count: 3 });
  expect(line!.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(line!.cause).toMatch(/outer\nsecond line[\s\S]*caused by [\s\S]*inner/);
});

it.each<[LogLevel, LogLevel[]]>([
  ["debug", ["debug", "info", "warn", "error"]],
  ["info", ["info", "warn", "error"]],
  ["warn", ["warn", "error"]],
  ["error", ["error"]],
])("at %s writes %j", (level, expected) => {
  const lines = logged(level, (log) => {
    for (const at of ["debug", "info", "warn", "error"] as const) log(at, "x");
  });
  expect(lines.map((line) => line.level)).toEqual(expected);
});

it("holds no secret, in a field, an error or the message", () => {
  const key = "sk-ant-test-not-a-real-key-0000";
  const [line] = logged("info", (log) =>
    log("warn", `refused ${key}`, { key, cause: new Error(`refused ${key}`), nested: { url: `https://x/?k=${key}` } }),
  );
  expect(JSON.stringify(line)).not.toContain(key);
});

it.each(["a", "1", "-eyJaaaaaaaa", "eyJ-", "sk-", "Bearer "])(
  "writes a stranger's long text in a time of its length: of %j",
  (part) => {
    const path = `/${part.repeat(30_000).slice(0, 30_000)}`;
    const begun = performance.now();
    expect(logged("info", (log) => log("info", "request", { path }))).toHaveLength(1);
    expect(performance.now() - begun).toBeLessThan(1_000);
  },
);

it("survives what JSON cannot hold", () => {
  const circular: Record<string, unknown> = { big: 10n };
  circular.self = circular;
  const lines = logged("info", (log) => log("error", "x", { circular, big: 10n, nothing: undefined }));
  expect(lines).toHaveLength(1);
});

it("its own fields cannot be forged by others", () => {
  const [line] = logged("info", (log) => log("error", "real", { message: "forged", level: "debug", time: "never" }));
  expect(line).toMatchObject({ level: "error", message: "real" });
});
