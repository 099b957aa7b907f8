import { text } from "node:stream/consumers";
import { runProgram } from "../../src/cli/program.ts";
import { cliEnvironment } from "./cli-environment.ts";
import { runServer } from "./run-server.ts";
import { startForPerson } from "./start-for-person.ts";
import { runWorker } from "./workers/run-worker.ts";
import { workerNumber } from "./workers/worker-number.ts";

// Everything this process makes is private from birth, SQLite's own files included.
process.umask(0o077);

let serving = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // A log that cannot be written, or that nobody reads any more, is no reason to stop serving.
    if (serving) return;
    // A reader that has seen enough (`... | head`) is no failure.
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
}

const env = process.env;
const serve = () => {
  serving = true;
  const number = workerNumber(env);
  if (number !== undefined) return runWorker(env, number);
  return env.OPENCLAW_PROVISIONING_START === "person" ? startForPerson(env) : runServer(env);
};

process.exitCode = await runProgram(
  cliEnvironment(env, {
    write: (line) => void process.stdout.write(line),
    writeError: (line) => void process.stderr.write(line),
    isTerminal: process.stdout.isTTY === true,
    readStdin: () => text(process.stdin),
    serve,
  }),
  process.argv.slice(2),
);
