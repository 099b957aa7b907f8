import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/e2e/**", "test/fault/**"],
    globalSetup: ["test/build-once.ts"],
    setupFiles: ["test/node-version.ts"],
    // On a shared machine a deadline can pass while nothing runs; a test that fails twice fails.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    maxWorkers: 3,
  },
});
