import { Command } from "commander";
import type { CliEnvironment } from "./environment.ts";
import { describeFailure } from "./failure.ts";
import type { Tree } from "./leaf.ts";
import { addProvisioningCommands, direct } from "./provisioning.ts";

export type { CliEnvironment } from "./environment.ts";

class Exit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

const throwExit = (exitCode: number): never => {
  throw new Exit(exitCode);
};

/** The whole command line: without a command it serves. `parseAsync` rejects to end early: use `runProgram`. */
export function createProgram(cli: CliEnvironment): Command {
  const tree: Tree = { cli, finish: throwExit };
  const program = direct(new Command("openclaw-provisioning"), tree)
    .description("Agent provisioning for OpenClaw")
    .version(cli.version)
    // Told apart below: commander would only count them.
    .allowExcessArguments()
    .action(async () => {
      const [unknown] = program.args;
      if (unknown !== undefined) program.error(`error: unknown command '${unknown}'`);
      await cli.serve();
    });
  program
    .command("serve")
    .description("Serve the API (the same as without a command)")
    .allowExcessArguments(false)
    .action(() => cli.serve());
  addProvisioningCommands(tree, program);
  return program;
}

/**
 * @param args without the runtime and the script
 * @returns the exit code: 0 done, 1 refused or failed, 2 wrong usage
 */
export async function runProgram(cli: CliEnvironment, args: readonly string[]): Promise<number> {
  try {
    await createProgram(cli).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof Exit) return error.exitCode;
    cli.writeError(`error: ${describeFailure(error)}\n`);
    return 1;
  }
}

/** The same tree below another program, such as OpenClaw's own; `exit` ends that process. */
export function attachProvisioning(program: Command, cli: CliEnvironment, exit: (exitCode: number) => never): void {
  addProvisioningCommands({ cli, finish: exit }, program);
}
