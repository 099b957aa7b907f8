/**
 * Writes larger and larger versions of one agent, one key and one event until the disk takes no more, and says as
 * JSON how each ended and what can be read afterwards.
 */
import { createStorage } from "unstorage";
import { createAuditFile } from "../../../adapters/node/audit/audit-file.ts";
import { createPrivateFs } from "../../../adapters/node/files/private-fs.ts";
import { Problem } from "../../../src/errors.ts";
import { createRecords } from "../../../src/storage/records.ts";
import { sampleRecords } from "../../conformance/sample-records.ts";

const [stateDir = ""] = process.argv.slice(2);
const files = createPrivateFs({ stateDir });
const storage = createStorage({ driver: files.driver });
const records = createRecords(storage, files.page);
const trail = createAuditFile({ stateDir, clock: { now: Date.now } });
const text = (version: number) => "x".repeat(version * 50_000);

/** Resolves to the last version that was taken, and the refusal of the next. */
async function until(write: (version: number) => Promise<void>) {
  for (let version = 1; version < 200; version++) {
    try {
      await write(version);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return { taken: version - 1, code: error.code, status: error.status, detail: error.message };
    }
  }
  throw new Error("the disk is not small enough");
}

const told = {
  agent: await until((version) => records.set("agents", "a1", { ...sampleRecords.agents("a1"), name: text(version) })),
  key: await until((version) => records.set("keys", "k1", { ...sampleRecords.keys("k1"), name: text(version) })),
  event: await until((version) =>
    trail.append({ phase: "event", action: "a", actor: "b", details: { text: text(version) } }),
  ),
};
const sizes = {
  agent: (await records.get("agents", "a1"))?.name.length,
  key: (await records.get("keys", "k1"))?.name.length,
};
console.log(JSON.stringify({ told, sizes, verdict: await trail.verify(), findings: await files.check() }));
await trail.close();
await storage.dispose();
