import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifyAuditFiles } from "../../../adapters/node/audit/verify-audit-files.ts";
import { readText } from "../../../adapters/node/read-text.ts";
import { runCli } from "../../unit/run-cli.ts";

const rotate = ["ai-providers", "rotate", "key_1", "--key", "-", "--credentials"];
const commands: [given: string, args: string[]][] = [
  ["--from", ["agents", "create", "--from"]],
  ["prices import", ["prices", "import"]],
  ["--credentials", ["ai-providers", "add", "--provider", "gemini", "--name", "g", "--key", "-", "--credentials"]],
  ["--credentials", rotate],
];

describe("a file that the operator names", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "openclaw-given-file-"));
    writeFileSync(join(directory, "plain"), "");
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const run = (args: string[], path: string) =>
    runCli(["provisioning", ...args, path], {}, { stdin: "sk-test", readFile: readText });

  it.each(commands)("is named where it cannot be read, with the remedy: %s of %j", async (given, args) => {
    const missing = join(directory, "nope");
    expect(await run(args, missing)).toMatchObject({
      exitCode: 2,
      stderr: `error: ${given}: ${missing} cannot be read: there is no such file; correct the path\n`,
      calls: [],
    });
    expect(await run(args, directory)).toMatchObject({
      exitCode: 2,
      stderr: `error: ${given}: ${directory} cannot be read: it is a directory; name a file in it\n`,
      calls: [],
    });
    const below = join(directory, "plain", "nope");
    expect(await run(args, below)).toMatchObject({
      exitCode: 2,
      stderr: `error: ${given}: ${below} cannot be read: a part of its path is no directory; correct the path\n`,
      calls: [],
    });
  });

  it("is named where the user may not read it", async () => {
    const readFile = () => Promise.reject(Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" }));
    const ran = await runCli(["provisioning", "agents", "create", "--from", "/a.csv"], {}, { readFile });
    expect(ran.stderr).toBe(
      "error: --from: /a.csv cannot be read: this user may not read it; let this user read it, or copy it\n",
    );
  });

  it.each([
    ["nope", "there is no such file; correct the path"],
    ["", "it is a directory; name a file in it"],
    ["plain/nope", "a part of its path is no directory; correct the path"],
    ["link", "it is a symbolic link; name the file itself"],
  ])("is named where it is no part of a trail: %j", async (name, why) => {
    symlinkSync(join(directory, "plain"), join(directory, "link"));
    const path = join(directory, name);
    const ran = await runCli(["provisioning", "audit", "verify", path], {}, { verifyAuditFiles });
    rmSync(join(directory, "link"));
    expect(ran).toMatchObject({ exitCode: 2, stderr: `error: audit verify: ${path} cannot be read: ${why}\n` });
  });

  it("is refused in another encoding than UTF-8, which would make names of signs", async () => {
    const path = join(directory, "agents.csv");
    writeFileSync(path, Buffer.from("name\nMüller\n", "latin1"));
    expect(await run(["agents", "create", "--from"], path)).toMatchObject({
      exitCode: 2,
      stderr: `error: --from: ${path} is not UTF-8: convert it to UTF-8\n`,
      calls: [],
    });
  });
});
