import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ParseError, parse, printParseErrorCode } from "jsonc-parser";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { Environment } from "./environment.ts";
import { pathFault } from "./files/path-fault.ts";

/** The text of `config.json`, with the place that it came from. */
export interface ConfigText {
  text: string;
  /** The configuration's source, for messages. */
  source: string;
}

/**
 * The settings' text: `OPENCLAW_CONFIG` itself, the file that `OPENCLAW_CONFIG_FILE` names, or else `config.json` in the
 * state directory. One stands in place of the others, and nothing is merged.
 *
 * @returns `undefined` where there is no `config.json`
 * @throws SettingsError where it cannot be read
 */
export function configText(env: Environment, stateDir: string): ConfigText | undefined {
  const { OPENCLAW_CONFIG: given, OPENCLAW_CONFIG_FILE: file } = env;
  if (given && file) {
    throw new SettingsError("OPENCLAW_CONFIG and OPENCLAW_CONFIG_FILE are both set: leave one of them out");
  }
  if (given) return { text: given, source: "OPENCLAW_CONFIG" };
  const path = file || join(stateDir, "config.json");
  try {
    return { text: readFileSync(path, "utf8"), source: file || "config.json" };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (file) {
      throw new SettingsError(
        `OPENCLAW_CONFIG_FILE is ${file}, which cannot be read (${code}): mount the settings there, readable by uid ${process.getuid?.()}`,
      );
    }
    if (code === "ENOENT") return undefined;
    throw new SettingsError(pathFault(path, code) ?? `${path} cannot be read (${code}); let this user read it`);
  }
}

/** @throws SettingsError where it is not JSON; comments are allowed */
export function readConfig(env: Environment, stateDir: string): { config: unknown; source: string } {
  const { text: written, source } = configText(env, stateDir) ?? { text: "", source: "config.json" };
  // Editors on Windows begin a file with a byte order mark.
  const text = written.replace(/^\uFEFF/, "");
  if (text.trim() === "") return { config: {}, source };
  const errors: ParseError[] = [];
  const config: unknown = parse(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (!first) return { config, source };
  const before = text.slice(0, first.offset).split("\n");
  throw new SettingsError(
    `${source}: ${printParseErrorCode(first.error)} in line ${before.length}, column ${before.at(-1)!.length + 1}; correct it there`,
  );
}
