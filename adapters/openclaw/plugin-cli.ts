import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { attachProvisioning } from "../../src/cli/program.ts";
import { version } from "../../src/version.ts";
import { diagnose } from "../node/diagnose.ts";
import { openLocal, sealLocally } from "../node/open-local.ts";

/** `openclaw provisioning ...`: the commands of `dist/index.js`, on OpenClaw's own program and on its agents. */
export function addPluginCommands(program: Command): void {
  // Everything this process makes for us is private from birth, SQLite's own files included.
  process.umask(0o077);
  const env = { ...process.env, OPENCLAW_PROVISIONING_HOST: "openclaw" };
  attachProvisioning(
    program,
    {
      version,
      write: (line) => void process.stdout.write(line),
      writeError: (line) => void process.stderr.write(line),
      isTerminal: process.stdout.isTTY === true,
      env: (name) => process.env[name],
      readStdin: () => text(process.stdin),
      readFile: (path) => readFile(path, "utf8"),
      openLocal: () => openLocal(env),
      doctor: ({ fix }) => diagnose(env, fix),
      seal: (secret) => sealLocally(env, secret),
      async serve() {
        throw new Error("the gateway serves: openclaw gateway run");
      },
    },
    (exitCode) => process.exit(exitCode),
  );
}
