import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export interface ClientRun {
  exitCode: number | null;
  /** The output that a person sees: stdout and stderr. */
  shown: string;
  seconds: number;
  /** It had to be ended. */
  timedOut: boolean;
}

export interface ClientHome {
  /** Where the client runs; it is also its home. */
  directory: string;
  run(command: readonly string[], options: RunOptions): Promise<ClientRun>;
  remove(): Promise<void>;
}

interface RunOptions {
  /** Lines of a shell, as `--print-env` writes them. */
  exports: string;
  env?: Record<string, string>;
  timeoutMs?: number;
  /** Resolves when the person presses Ctrl-C. */
  interrupt?: Promise<unknown>;
}

/** Nothing of the one who runs the tests reaches the client: no home, no key, no setting, no proxy. */
export async function clientHome(bin: string, files: Record<string, string> = {}): Promise<ClientHome> {
  const directory = await mkdtemp(join(tmpdir(), "client-home-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const base = {
    HOME: directory,
    PATH: [bin, "/usr/local/bin", "/usr/bin", "/bin"].join(delimiter),
    XDG_CONFIG_HOME: join(directory, ".config"),
    XDG_DATA_HOME: join(directory, ".local/share"),
    XDG_CACHE_HOME: join(directory, ".cache"),
    XDG_STATE_HOME: join(directory, ".local/state"),
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
    SHELL: "/bin/bash",
  };
  return {
    directory,
    async run(command, { exports, env = {}, timeoutMs = 60_000, interrupt }) {
      const started = performance.now();
      // A group of its own: what the client started ends with it.
      const child = spawn("bash", ["-c", `${exports}\n"$@"`, "client", ...command], {
        cwd: directory,
        env: { ...base, ...env },
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      });
      let shown = "";
      child.stdout.on("data", (chunk) => (shown += chunk));
      child.stderr.on("data", (chunk) => (shown += chunk));
      const end = (signal: NodeJS.Signals) => {
        try {
          process.kill(-child.pid!, signal);
        } catch {
          // The group has ended by itself.
        }
      };
      let timedOut = false;
      const limit = setTimeout(() => {
        timedOut = true;
        end("SIGKILL");
      }, timeoutMs);
      void interrupt?.then(() => end("SIGINT"));
      const exitCode = await new Promise<number | null>((resolve) => child.once("close", resolve));
      clearTimeout(limit);
      end("SIGKILL");
      return { exitCode, shown, timedOut, seconds: (performance.now() - started) / 1000 };
    },
    remove: () => rm(directory, { recursive: true, force: true, maxRetries: 3 }),
  };
}
