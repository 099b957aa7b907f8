import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { expect, it } from "vitest";

/** How a test gets a server, a directory or a process of its own, by itself or from the stands beside the folders. */
const heavy =
  /(?<!\/\.)\b(createServer|mkdtemp(Sync)?|spawn(Sync)?|exec(File)?(Sync)?|fork|openNode|openSqliteLedger|writeFile(Sync)?|startServerProcess|runBundle|runHere|nodeTarget|workerTarget|proxyStand|alertsStand|startSampleUpstream|sampleAdminApis|startJwtIssuer)\(|new (Miniflare|Worker)\(|\.listen\(/;

const folders = ["conformance", "contract", "e2e", "fault", "integration", "property", "regression", "unit"];

const testsBelow = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => posix.join(root, name.replaceAll("\\", "/")));

it("every test stands in a folder that says what it is", () => {
  expect(testsBelow("test").length).toBeGreaterThan(100);
  expect(testsBelow("test").filter((path) => !folders.includes(path.split("/")[1]!))).toEqual([]);
});

it("a unit test opens no server, no directory and no process; such a one goes to test/integration", () => {
  expect(heavy.test('spawnSync("node")')).toBe(true);
  expect(heavy.test('/a/.exec("a")')).toBe(false);
  const mine = testsBelow("test/unit").filter((path) => !path.includes("test-kinds"));
  expect(mine.filter((path) => heavy.test(readFileSync(path, "utf8")))).toEqual([]);
});
