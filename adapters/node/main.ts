import { writeSync } from "node:fs";
import { describeFailure } from "../../src/cli/failure.ts";
import { runServer } from "./run-server.ts";
import { workerNumber } from "./workers/worker-number.ts";

// Everything this process makes is private from birth, SQLite's own files included.
process.umask(0o077);

let serving = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // A log that cannot be written, or that nobody reads any more, is no reason to stop serving.
    if (serving) return;
    // A reader that has seen enough (`... | head`) is no failure.
    if (error.code === "EPIPE") process.exit(0);
    if (stream === process.stdout) writeSync(2, `error: the output cannot be written (${error.code})\n`);
    process.exit(1);
  });
}

const env = process.env;
const writeError = (line: string) => void process.stderr.write(line);

async function serve(): Promise<void> {
  serving = true;
  const number = workerNumber(env);
  if (number !== undefined) return await (await import("./workers/run-worker.ts")).runWorker(env, number);
  if (env.OPENCLAW_PROVISIONING_START === "person")
    return await (await import("./start-for-person.ts")).startForPerson(env);
  await runServer(env);
}

/** A server starts without the commands, which it would read and never run. */
async function serveOnly(): Promise<number> {
  try {
    await serve();
    return 0;
  } catch (error) {
    writeError(`error: ${describeFailure(error)}\n`);
    return 1;
  }
}

async function runCommand(args: readonly string[]): Promise<number> {
  const [{ runProgram }, { cliEnvironment }, { readStdin }] = await Promise.all([
    import("../../src/cli/program.ts"),
    import("./cli-environment.ts"),
    import("./read-text.ts"),
  ]);
  const cli = cliEnvironment(env, {
    write: (line) => void process.stdout.write(line),
    writeError,
    isTerminal: process.stdout.isTTY === true,
    readStdin,
    serve,
  });
  return await runProgram(cli, args);
}

const args = process.argv.slice(2);
process.exitCode = await (args.length === 0 || (args.length === 1 && args[0] === "serve")
  ? serveOnly()
  : runCommand(args));
