import { afterAll, beforeAll } from "vitest";
import type { Records } from "../../src/storage/keyspace.ts";
import { testRecords } from "./records.ts";
import { freshScope, startWorkerPorts, type WorkerPorts } from "./worker-ports.ts";

let ports: WorkerPorts;
beforeAll(async () => {
  ports = await startWorkerPorts();
});
afterAll(() => ports.dispose());

function handle(scope: string): Records {
  const send = ports.handle("records", scope, Date.now);
  return {
    get: (collection, id) => send("get", [collection, id]),
    set: (collection, id, value) => send("set", [collection, id, value]),
    remove: (collection, id) => send("remove", [collection, id]),
    async replace(collection, id, expected, next) {
      const seen = await send<never>("get", [collection, id]);
      return expected(seen ?? undefined) && (await send("replace", [collection, id, seen ?? null, next ?? null]));
    },
    list: (collection, page) => send("list", [collection, page]),
  };
}

testRecords("Workers KV", async () => {
  const scope = freshScope();
  return { instance: handle(scope), second: handle(scope), exact: (of) => of === "agents", dispose: async () => {} };
});
