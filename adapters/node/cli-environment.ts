import type { CliEnvironment } from "../../src/cli/environment.ts";
import { version } from "../../src/version.ts";
import { verifyAuditFiles } from "./audit/verify-audit-files.ts";
import type { Environment } from "./environment.ts";
import { stateDirFrom } from "./node-settings.ts";
import { openBrowser } from "./open-browser.ts";
import { openLocal, sealLocally } from "./open-local.ts";
import { createOutgoingFetch, outgoingProxies } from "./outgoing-proxies.ts";
import { readText } from "./read-text.ts";
import { rotateSeal } from "./rotate-seal.ts";
import { withSecretFiles } from "./secret-variables.ts";

/** The streams of the command line, and `serve`, which a process does once and for all. */
type Terminal = Pick<CliEnvironment, "write" | "writeError" | "isTerminal" | "readStdin" | "serve">;

/** The world of the command line on this machine: the deployment that the variables name. */
export const cliEnvironment = (env: Environment, terminal: Terminal): CliEnvironment => ({
  ...terminal,
  version,
  env: (name) => withSecretFiles(env)[name],
  readFile: readText,
  fetch: (request) =>
    createOutgoingFetch(outgoingProxies(env), ({ remedy }) => terminal.writeError(`${remedy}\n`))(request),
  openLocal: () => openLocal(env),
  verifyAuditFiles,
  doctor: async ({ fix }) => await (await import("./diagnose.ts")).diagnose(env, fix),
  seal: (secret) => sealLocally(env, secret),
  rotateSeal: (reseal) => rotateSeal(env, reseal),
  openBrowser: (link) => openBrowser(stateDirFrom(env), link),
});
