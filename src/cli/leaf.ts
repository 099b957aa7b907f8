import type { Command } from "commander";
import type { Client } from "../client/client.ts";
import { withoutPassword } from "../domain/plain-address.ts";
import { type Authority, type Connection, connect } from "./connect.ts";
import type { CliEnvironment } from "./environment.ts";
import { describeFailure, exitCodeOf, refused, wrongUsage } from "./failure.ts";
import { createOutput, type Output } from "./output.ts";

/** Ends the command: throws in a program of ours, exits in another's. */
type Finish = (exitCode: number) => never;

/** The parts that each command is built with. */
export interface Tree {
  cli: CliEnvironment;
  finish: Finish;
}

/** One call of a command, with its options as parsed. */
export interface Invocation<Options> {
  cli: CliEnvironment;
  options: Options & { json?: true; url?: string };
  out: Output;
  /** The connection is closed when the work is done. */
  withClient<Result>(
    authority: Authority,
    work: (client: Client, connection: Connection) => Promise<Result>,
  ): Promise<Result>;
}

const urlOption = ["--url <address>", "work on the deployment at this address instead of this machine's"] as const;

function refuseEmpty(command: Command): void {
  for (const option of command.options) {
    // `--key "$UNSET"`: the shell passed nothing, and nothing is never meant.
    const value: unknown = command.opts()[option.attributeName()];
    if (value === "" || (Array.isArray(value) && value.includes("")))
      throw wrongUsage(`option '${option.flags}' is empty: is the variable behind it set?`);
  }
  if (command.args.includes("")) throw wrongUsage("an argument is empty");
}

/** Node puts this sign for what is not UTF-8: a name of Latin-1 would be stored with it in place of its letters. */
function refuseOtherEncodings(command: Command): void {
  if (JSON.stringify([command.args, command.opts()]).includes("\ufffd"))
    throw wrongUsage("an argument is not UTF-8: write it in UTF-8, in a terminal or a script of that encoding");
}

/** The options that choose what is printed. */
const forms = ["json", "csv", "outputKeyOnly"];

/** One of two forms would be left out without a word. */
function refuseTwoForms(command: Command): void {
  const [one, other] = command.options.filter((option) => {
    const name = option.attributeName();
    return forms.includes(name) && command.opts()[name] !== undefined;
  });
  if (one && other) throw wrongUsage(`${one.long} and ${other.long} print two things: give one of them`);
}

const notThisApi = (url: string) =>
  refused(`${withoutPassword(url)} answered without the fields of this API: is it the address of the service?`);

/**
 * One command. `Options` is what `configure` makes commander parse; arguments come first, in their order.
 * A command that works on this machine alone has no `--url`.
 */
export function leaf<Options extends object, Arguments extends (string | string[])[] = []>(
  { cli, finish }: Tree,
  parent: Command,
  definition: {
    name: string;
    description: string;
    localOnly?: true;
    /** What `--json` prints, where that is not one document. */
    json?: string;
    configure?: (command: Command) => unknown;
    run: (invocation: Invocation<Options>, ...args: Arguments) => Promise<void>;
  },
): Command {
  const command = parent.command(definition.name).description(definition.description);
  // The root allows them, and commander hands that on: of two keys to revoke the second would be passed over.
  command.allowExcessArguments(false);
  definition.configure?.(command);
  command.option("--json", definition.json ?? "print one JSON document");
  if (!definition.localOnly) command.option(...urlOption);
  command.action(async (...actionArguments: unknown[]) => {
    let logHint: string | undefined;
    try {
      refuseEmpty(command);
      refuseOtherEncodings(command);
      refuseTwoForms(command);
      // A command that has others below it takes their `--json` for its own.
      const options = command.optsWithGlobals<Invocation<Options>["options"]>();
      await definition.run(
        {
          cli,
          options,
          out: createOutput(cli),
          withClient: async (authority, work) => {
            const connection = await connect(cli, options.url, authority);
            logHint = connection.logHint;
            try {
              return await work(connection.client, connection);
            } finally {
              await connection.close();
            }
          },
        },
        // Commander appends the options and the command to the arguments.
        ...(actionArguments.slice(0, -2) as Arguments),
      );
    } catch (thrown) {
      const { url } = command.optsWithGlobals<{ url?: string }>();
      // The fields of a success are looked at as they come: another service's JSON has none of them.
      const error = url !== undefined && thrown instanceof TypeError ? notThisApi(url) : thrown;
      cli.writeError(`error: ${describeFailure(error, logHint)}\n`);
      finish(exitCodeOf(error));
    }
  });
  return command;
}
