import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage } from "unstorage";
import { withAiKeyMappings } from "../../adapters/node/files/ai-key-mappings.ts";
import { createPrivateFs } from "../../adapters/node/files/private-fs.ts";
import { createRecords } from "../../src/storage/records.ts";
import { testRecords } from "./records.ts";

function open(stateDir: string) {
  const files = createPrivateFs({ stateDir });
  const storage = createStorage({ driver: files.driver });
  return { storage, files };
}

async function make(wrap: (stateDir: string) => ReturnType<typeof opened>, exact = true) {
  const stateDir = mkdtempSync(join(tmpdir(), "private-fs-"));
  const [first, second] = [wrap(stateDir), wrap(stateDir)];
  return {
    instance: first.records,
    second: second.records,
    exact: () => exact,
    async dispose() {
      await first.close();
      await second.close();
      rmSync(stateDir, { recursive: true });
    },
  };
}

function opened(stateDir: string) {
  const { storage, files } = open(stateDir);
  return { records: createRecords(storage, files.page, files.replace), close: () => storage.dispose() };
}

testRecords("private-fs", () => make(opened));

testRecords("private-fs, listed through unstorage", () =>
  make((stateDir) => {
    const { storage } = open(stateDir);
    return { records: createRecords(storage), close: () => storage.dispose() };
  }, false),
);

testRecords("private-fs, with its index of AI keys", () =>
  make((stateDir) => {
    const { records, close } = opened(stateDir);
    const indexed = withAiKeyMappings(records, stateDir, { now: Date.now });
    return {
      records: indexed,
      async close() {
        await indexed.close();
        await close();
      },
    };
  }),
);
