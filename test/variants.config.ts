import { defineConfig } from "vitest/config";
import base from "../vitest.config.ts";

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

/** Suites of `npm test` once more, on what else a request can take its way through. */
export default defineConfig({
  test: {
    ...base.test,
    include: [],
    exclude: [],
    projects: [
      { extends: true, test: { name: "two worker processes", include: ["test/contract/node-workers.test.ts"] } },
      // All requests through `node:http`, as those go that are not plain.
      { extends: true, test: { name: "node:http", include: onBothPaths, env: { PROXY_PATH: "node-http" } } },
    ],
    maxWorkers: 2,
  },
});
