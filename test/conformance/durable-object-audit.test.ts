import { afterAll, beforeAll, expect, it } from "vitest";
import type { AuditTrail } from "../../src/ports.ts";
import { testAuditTrail } from "./audit-trail.ts";
import { freshScope, startWorkerPorts, type WorkerPorts } from "./worker-ports.ts";

let ports: WorkerPorts;
beforeAll(async () => {
  ports = await startWorkerPorts();
});
afterAll(() => ports.dispose());

function handle(scope: string): AuditTrail {
  const send = ports.handle("audit", scope, Date.now);
  return {
    append: (event) => send("append", [event]),
    read: (page) => send("read", [page]),
    verify: () => send("verify", []),
    check: () => send("check", []),
    close: () => send("close", []),
  };
}

testAuditTrail("Durable Object", async () => {
  const scope = freshScope();
  return { instance: handle(scope), second: handle(scope), dispose: async () => {} };
});

it.each([
  ["a changed word", "UPDATE lines SET line = replace(line, 'agent-3', 'agent-9') WHERE seq = 3", 3, /altered/],
  ["a removed event", "DELETE FROM lines WHERE seq = 3", 3, /event 4 stands where event 3 belongs/],
  ["a cut tail", "DELETE FROM lines WHERE seq > 3", 4, /ends at event 3, but event 5 was written/],
  ["an emptied trail", "DELETE FROM lines", 1, /ends at event 0, but event 5 was written/],
  [
    "a doubled event",
    "UPDATE lines SET line = (SELECT line FROM lines WHERE seq = 2) WHERE seq = 3",
    3,
    /event 2 stands/,
  ],
])("finds %s, and names where", async (_, statement, line, reason) => {
  const scope = freshScope();
  const trail = handle(scope);
  for (let i = 1; i <= 5; i++) {
    await trail.append({ phase: "event", action: "agent.create", actor: "key1", target: `agent-${i}` });
  }
  expect(await trail.verify()).toEqual({ ok: true, events: 5 });
  await ports.handle("audit", scope, Date.now)("forge", [statement]);
  expect(await trail.verify()).toEqual({
    ok: false,
    events: line - 1,
    fault: { line, reason: expect.stringMatching(reason) },
  });
});

it("reads past a line that is no event any more, which verification names", async () => {
  const scope = freshScope();
  const trail = handle(scope);
  for (let i = 1; i <= 5; i++) {
    await trail.append({ phase: "event", action: "agent.create", actor: "key1", target: `agent-${i}` });
  }
  await ports.handle("audit", scope, Date.now)("forge", ["UPDATE lines SET line = 'no event' WHERE seq = 3"]);
  await ports.handle("audit", scope, Date.now)("forge", ["UPDATE lines SET line = '{}' WHERE seq = 4"]);
  for (const filter of [{}, { phase: "event", from: "2026-01-01" }] as const) {
    const seen: (string | undefined)[] = [];
    for (let cursor: number | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
      const page = await trail.read({ limit: 1, ...(cursor !== undefined && { cursor }), filter });
      seen.push(...page.events.map(({ target }) => target));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(["agent-5", "agent-2", "agent-1"]);
  }
});
