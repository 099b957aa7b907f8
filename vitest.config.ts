import { defineConfig } from "vitest/config";
import { LongestFirst } from "./test/longest-first.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // `npm run test:variants`, `test:fault` and `test:e2e` run these, which take long.
    exclude: ["test/e2e/**", "test/fault/**", "test/contract/node-workers.test.ts"],
    globalSetup: ["test/build-once.ts", "test/run-directory.ts"],
    setupFiles: ["test/node-version.ts"],
    // On a shared machine a deadline can pass while nothing runs; a test that fails twice fails.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    maxWorkers: 4,
    // A process and all modules anew for each of 200 files were a sixth of a run's CPU. A test undoes what it changes of
    // its process.
    isolate: false,
    sequence: { sequencer: LongestFirst },
  },
});
