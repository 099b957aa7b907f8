import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuditFile } from "../../adapters/node/audit/audit-file.ts";
import { testAuditTrail } from "./audit-trail.ts";

testAuditTrail("audit.jsonl", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "audit-file-"));
  const clock = { now: Date.now };
  const [instance, second] = [createAuditFile({ stateDir, clock }), createAuditFile({ stateDir, clock })];
  return {
    instance,
    second,
    async dispose() {
      await instance.close();
      await second.close();
      rmSync(stateDir, { recursive: true });
    },
  };
});
