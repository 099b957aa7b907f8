import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("npm run demo spends a quota, is refused, and shows a whole trail", async () => {
  const env = { ...process.env, ANTHROPIC_MASTER_KEY: undefined, OPENAI_MASTER_KEY: undefined };
  const { stdout } = await promisify(execFile)("npm", ["run", "--silent", "demo"], { env, timeout: 60_000 });
  expect(stdout).toMatch(/^429: Monthly token quota exceeded.*usage limit 700/m);
  expect(stdout).toMatch(/^2 requests, 500 tokens; of 700: 500 used, 200 left/m);
  expect(stdout).toMatch(/^The audit trail is whole: \d+ events\.$/m);
});
