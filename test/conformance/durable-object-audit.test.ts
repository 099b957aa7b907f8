import { afterAll, beforeAll } from "vitest";
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
