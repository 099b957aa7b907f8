import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { expect } from "vitest";

/** Runs a script and kills it once it has said so many lines. Resolves to all that it had said. */
export async function killedAfter(lines: number, script: string, ...args: string[]): Promise<string[]> {
  const load = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const said: string[] = [];
  const output = createInterface({ input: load.stdout });
  output.on("line", (line) => {
    said.push(line);
    if (said.length === lines) load.kill("SIGKILL");
  });
  await Promise.all([
    new Promise((resolve) => load.once("close", resolve)),
    new Promise((resolve) => output.once("close", resolve)),
  ]);
  expect(load.signalCode).toBe("SIGKILL");
  return said;
}
