import { beforeEach, expect, it } from "vitest";
import type { AuditEvent } from "../../src/domain/audit-event.ts";
import { Problem } from "../../src/errors.ts";
import { createAnswerAudit } from "../../src/http/audit-answer.ts";
import type { Route } from "../../src/http/call.ts";
import type { Context } from "../../src/service/context.ts";

let now = 0;
let written: AuditEvent[];
const context = {
  clock: { now: () => now },
  background: () => {},
  audit: { append: async (event: AuditEvent) => void written.push(event) },
} as unknown as Context;
const problem = (code: "unauthorized" | "scope_missing") => new Problem(code);
const call = (address: string, actor = "anonymous") => ({ requestId: "req_1", info: { address }, actor });

beforeEach(() => {
  written = [];
  now = Date.UTC(2026, 10, 22, 18);
});

it("a denial that is repeated within a minute is one line, and its count another", () => {
  const audit = createAnswerAudit(context);
  for (let turn = 0; turn < 1_000; turn++) audit.answered(call("203.0.113.1"), 401, problem("unauthorized"));
  expect(audit.answered(call("203.0.113.1", "a-key"), 403, problem("scope_missing"))).toBe(false);
  expect(audit.answered(call("203.0.113.1", "a-key"), 403, problem("scope_missing"))).toBe(true);
  audit.flush();
  expect(written).toHaveLength(2);
  now += 60_000;
  audit.flush();
  audit.flush();
  const common = { phase: "event", action: "request.denied", outcome: "denied", address: "203.0.113.1" };
  expect(written).toEqual([
    { ...common, actor: "anonymous", requestId: "req_1", details: { code: "unauthorized" } },
    { ...common, actor: "a-key", requestId: "req_1", details: { code: "scope_missing" } },
    { ...common, actor: "anonymous", details: { code: "unauthorized", repeated: 999 } },
    { ...common, actor: "a-key", details: { code: "scope_missing", repeated: 1 } },
  ]);
});

it("what a stranger can write to the disk in an hour is bounded, however many addresses it has", () => {
  const audit = createAnswerAudit(context);
  let denied = 0;
  for (let minute = 0; minute < 60; minute++) {
    for (let turn = 0; turn < 2_000; turn++) {
      denied++;
      const address =
        turn % 2 ? `2001:db8:${minute.toString(16)}:${turn.toString(16)}::1` : `10.1.${turn >> 8}.${turn & 255}`;
      audit.answered(call(address), 401, problem("unauthorized"));
    }
    now += 60_000;
  }
  audit.flush(Number.POSITIVE_INFINITY);
  expect(written.length).toBeLessThanOrEqual(60 * (64 + 1));
  const repeated = written.reduce((sum, { details }) => sum + Number(details?.repeated ?? 1), 0);
  expect(repeated).toBe(denied);
  expect(written.filter(({ actor }) => actor === "several")).toHaveLength(60);
});

it("reads by one actor and route are one line a minute, and their count another", () => {
  const audit = createAnswerAudit(context);
  const read = (actor: string, operationId: string) =>
    audit.answered({ ...call("203.0.113.1", actor), route: { method: "GET", operationId } as Route }, 200, undefined);
  for (let turn = 0; turn < 500; turn++) {
    read("token", "listAgents");
    read("token", "getAgent");
    read("a-key", "listAgents");
  }
  expect(written).toHaveLength(3);
  now += 60_000;
  audit.flush();
  expect(written.slice(3).map(({ actor, action, details }) => ({ actor, action, details }))).toEqual([
    { actor: "token", action: "request.read", details: { call: "listAgents", repeated: 499 } },
    { actor: "token", action: "request.read", details: { call: "getAgent", repeated: 499 } },
    { actor: "a-key", action: "request.read", details: { call: "listAgents", repeated: 499 } },
  ]);
});
