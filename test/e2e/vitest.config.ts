import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/e2e/**/*.e2e.ts"],
    globalSetup: ["test/build-once.ts"],
    setupFiles: ["test/node-version.ts"],
    // On a shared machine a deadline can pass while nothing runs; what fails twice fails.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 120_000,
    hookTimeout: 600_000,
    fileParallelism: false,
    reporters: ["verbose"],
  },
});
