import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface Shell {
  /** The variables of every block, as if they had been exported. */
  variables: Record<string, string>;
  /** One block of a guide, in a shell of its own. Rejects where a command of it fails. */
  paste(script: string): Promise<string>;
  /** One that is to fail. */
  fails(script: string): Promise<{ code: number; stdout: string; stderr: string }>;
}

/** A person's terminal in that directory. */
export function openShell(directory: string, variables: Record<string, string>): Shell {
  const shell: Shell = {
    variables,
    async paste(script) {
      const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], {
        cwd: directory,
        env: { ...process.env, ...shell.variables },
        maxBuffer: 16 * 1024 * 1024,
        timeout: 300_000,
      });
      return stdout;
    },
    async fails(script) {
      try {
        await shell.paste(script);
      } catch (error) {
        return error as { code: number; stdout: string; stderr: string };
      }
      throw new Error(`this was to fail: ${script}`);
    },
  };
  return shell;
}
