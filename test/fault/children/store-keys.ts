/** Stores provisioning keys and agents of its own name, several at a time, and revokes every tenth key again. */
import { createStorage } from "unstorage";
import { createPrivateFs } from "../../../adapters/node/files/private-fs.ts";
import { createRecords } from "../../../src/storage/records.ts";
import { sampleRecords } from "../../conformance/sample-records.ts";

const [stateDir = "", name = "", count = ""] = process.argv.slice(2);
const files = createPrivateFs({ stateDir });
const storage = createStorage({ driver: files.driver });
const records = createRecords(storage, files.page);

for (let i = 0; i < Number(count); i += 5) {
  const ids = Array.from({ length: 5 }, (_, offset) => `${name}${i + offset}`);
  await Promise.all(ids.map((id) => records.set("keys", id, sampleRecords.keys(id))));
  await records.set("agents", `${name}${i}`, sampleRecords.agents(`${name}${i}`));
  if (i % 10 === 0) await records.remove("keys", `${name}${i}`);
}
await storage.dispose();
