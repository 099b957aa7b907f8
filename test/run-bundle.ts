import { spawn } from "node:child_process";
import { join } from "node:path";

const bundle = join(import.meta.dirname, "../dist/index.js");

/** As whom a process runs; only root may choose. It is then in no other group. */
export interface Identity {
  uid?: number;
  gid?: number;
}

/** Runs the bundle as a person does, to its end. */
export function runBundle(
  args: string[],
  env: Record<string, string>,
  stdin = "",
  identity: Identity = {},
): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [bundle, ...args], { env: { ...process.env, ...env }, ...identity });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  child.stdin.end(stdin);
  // A server that starts where it should refuse must not hang the test.
  const limit = setTimeout(() => child.kill("SIGKILL"), 15_000);
  return new Promise((resolve) =>
    child.once("close", (exitCode) => {
      clearTimeout(limit);
      resolve({ exitCode, stdout, stderr });
    }),
  );
}
