import { cliEnvironment } from "../adapters/node/cli-environment.ts";
import { runProgram } from "../src/cli/program.ts";

/** Runs a command as `runBundle` does, in this process: for tests of what it does, not of its process. It cannot serve. */
export async function runHere(
  args: string[],
  env: Record<string, string>,
  stdin = "",
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  const terminal = {
    write: (text: string) => {
      stdout += text;
    },
    writeError: (text: string) => {
      stderr += text;
    },
    isTerminal: false,
    readStdin: async () => stdin,
    serve: () => Promise.reject(new Error("serve needs a process of its own: runBundle")),
  };
  const exitCode = await runProgram(cliEnvironment({ ...process.env, ...env }, terminal), args);
  return { exitCode, stdout, stderr };
}
