import { join } from "node:path";
import { createStorage } from "unstorage";
import { createActivityLog } from "../../../src/service/events/activity.ts";
import { createRecords } from "../../../src/storage/records.ts";
import { createAuditFile } from "../audit/audit-file.ts";
import { createAuditSink } from "../audit/audit-sink.ts";
import { withAiKeyMappings } from "../files/ai-key-mappings.ts";
import { createPrivateFs } from "../files/private-fs.ts";
import { createStoreReadiness } from "../files/store-readiness.ts";
import { machineTime } from "../machine-time.ts";
import { openSqliteLedger } from "../sqlite/sqlite-ledger.ts";
import type { Stores, StoresOptions } from "./stores.ts";

/** The stores of one machine: files below the state directory. */
export async function openFileStores({
  stateDir,
  settings,
  clock,
  log,
  writeOut,
  activity,
}: StoresOptions): Promise<Stores> {
  const { rotateBytes, mode, sink } = settings.provisioning.audit;
  const auditMode = Number.parseInt(mode, 8);
  const files = createPrivateFs({ stateDir, now: clock.now, auditMode });
  const storage = createStorage({ driver: files.driver });
  const records = withAiKeyMappings(createRecords(storage, files.page, files.replace), stateDir, clock, (cause) =>
    log("error", "ai-key-mappings.json could not be rewritten", { cause }),
  );
  const ledger = await openSqliteLedger({
    path: join(stateDir, "provisioning", "ledger.sqlite"),
    clock,
    machineTime: machineTime(),
  });
  const auditSink = createAuditSink(sink, { log, writeOut });
  const audit = createAuditFile({ stateDir, clock, log, mode: auditMode, rotateBytes, sink: auditSink?.write });
  const readiness = createStoreReadiness(files.check);
  return {
    records: {
      ...records,
      async check() {
        await Promise.all([records.check?.(), readiness()]);
      },
    },
    ledger,
    outbox: ledger.outbox,
    activity: activity ?? createActivityLog(clock.now),
    audit,
    checks: async () => [],
    findings: files.check,
    presentIn: join(stateDir, "provisioning", "instances"),
    async close() {
      await records.close();
      await audit.close();
      await auditSink?.close();
      await ledger.close();
      await storage.dispose();
    },
  };
}
