import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The targets' suites are the longest, and their files of four lines the shortest: by size they would begin when all else is over. */
class ContractFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isContract = ({ moduleId }: TestSpecification) => moduleId.includes("/test/contract/");
    return [...sorted.filter(isContract), ...sorted.filter((file) => !isContract(file))];
  }
}

const onBothPaths = [
  ...[
    "browsers",
    "connections",
    "ended-streams",
    "guards",
    "interim-answers",
    "load",
    "loop",
    "malformed-answers",
    "odd-answers",
  ],
  ...["reads-on", "refusals", "scrub", "slow-reader"],
].map((name) => `test/integration/proxy/proxy-${name}.test.ts`);
onBothPaths.push("test/integration/server/{drain,hostile-requests,reverse-proxies,throttle}.test.ts");

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: { name: "all", include: ["test/**/*.test.ts"], exclude: ["test/e2e/**", "test/fault/**"] },
      },
      // Once more with all requests through `node:http`, as those go that are not plain.
      { extends: true, test: { name: "node:http", include: onBothPaths, env: { PROXY_PATH: "node-http" } } },
    ],
    globalSetup: ["test/build-once.ts"],
    setupFiles: ["test/node-version.ts"],
    // On a shared machine a deadline can pass while nothing runs; a test that fails twice fails.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    maxWorkers: 3,
    // A process and all modules anew for each of 200 files were a sixth of a run's CPU. A test undoes what it changes of its process.
    isolate: false,
    sequence: { sequencer: ContractFirst },
  },
});
