import { existsSync } from "node:fs";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take more than five seconds, the longest first. */
const longest = [
  "contract/worker",
  "integration/server/drain",
  "contract/control-plane",
  "contract/node-redis",
  "contract/node-files",
  "integration/agents/remote-host",
  "contract/worker-edge",
  "integration/proxy/proxy-metering",
  "conformance/durable-object-ledger",
  "integration/server/volumes",
  "integration/server/published-package",
  "integration/server/worker-processes",
  "integration/proxy/proxy-ended-streams",
  "conformance/openclaw-host",
  "integration/proxy/connection-timeouts",
  "integration/server/refuses-to-start",
  "integration/server/throttle",
  "integration/agents/die-at-each-step",
  "integration/server/starting-table",
  "contract/worker-stale",
  "integration/proxy/proxy-spend-exact",
  "integration/proxy/proxy-bounds",
  "contract/dev-server",
  "contract/worker-module",
  "property/plain-requests",
  "integration/proxy/proxy-slow-reader",
].map((name) => `test/${name}.test.ts`);

/** Begun at the end, one of these would run alone: without the times of an earlier run, Vitest goes by size. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const gone = longest.find((path) => !existsSync(path));
    if (gone) throw new Error(`test/longest-first.ts names ${gone}, which is not there`);
    const sorted = await super.sort(files);
    const place = ({ moduleId }: TestSpecification) => {
      const at = longest.findIndex((path) => moduleId.endsWith(`/${path}`));
      return at === -1 ? longest.length : at;
    };
    return sorted.sort((a, b) => place(a) - place(b));
  }
}
