import type { CliEnvironment } from "./environment.ts";
import { wrongUsage } from "./failure.ts";

/** A secret that `ps` cannot show: from stdin (`-`) or, without the option, from the first variable that is set. */
export async function secretValue(
  cli: CliEnvironment,
  option: string,
  given: string | undefined,
  variables: readonly string[],
): Promise<string> {
  if (given !== undefined && given !== "-") return given;
  if (given === "-") {
    const secret = (await cli.readStdin()).trim();
    if (secret === "") throw wrongUsage(`${option} -: there is nothing on stdin`);
    return secret;
  }
  for (const name of variables) {
    const secret = cli.env(name)?.trim();
    if (secret) return secret;
  }
  const names = variables.length === 0 ? "" : `, or set ${variables.join(" or ")}`;
  throw wrongUsage(`no key: pass ${option} - and the key on stdin${names}`);
}

/** `my-llm` and `_MASTER_KEY` give `MY_LLM_MASTER_KEY`. */
export const providerVariable = (provider: string, suffix: string) =>
  provider.toUpperCase().replaceAll("-", "_") + suffix;
