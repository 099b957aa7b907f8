import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/fault/**/*.test.ts"],
    globalSetup: ["test/build-once.ts", "test/run-directory.ts"],
    setupFiles: ["test/node-version.ts"],
    // On a shared machine a deadline can pass while nothing runs; a test that fails twice fails.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A process that is paused or killed needs the machine for itself to be told apart from a slow one.
    fileParallelism: false,
  },
});
