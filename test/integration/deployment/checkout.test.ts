import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { expect, it } from "vitest";

it("a checkout on Windows has the line ends that a container's shell can run", () => {
  const files = execFileSync("git", ["ls-files", "*.sh", "Dockerfile*", "*.lua", "*.yml", "*.yaml"], {
    encoding: "utf8",
  });
  const asked = ["check-attr", "--stdin", "eol"];
  const told = execFileSync("git", asked, { input: files, encoding: "utf8" }).trim().split("\n");
  expect(told.length).toBeGreaterThan(10);
  expect(told.filter((line) => !line.endsWith(": eol: lf"))).toEqual([]);
});

it("a build leaves the command that npx has linked executable", () => {
  expect(statSync("dist/index.js").mode & 0o100).toBe(0o100);
});
