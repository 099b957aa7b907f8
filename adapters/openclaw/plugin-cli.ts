import { join } from "node:path";
import type { Command } from "commander";
import { doctorReport } from "../../src/cli/doctor-report.ts";
import type { LocalSession } from "../../src/cli/environment.ts";
import { attachProvisioning } from "../../src/cli/program.ts";
import { version } from "../../src/version.ts";
import { verifyAuditFiles } from "../node/audit/verify-audit-files.ts";
import { diagnose } from "../node/diagnose.ts";
import type { Environment } from "../node/environment.ts";
import { createFileLock } from "../node/files/file-lock.ts";
import { mendFindings } from "../node/mend-findings.ts";
import { type NodeSettings, stateDirFrom } from "../node/node-settings.ts";
import { openBrowser } from "../node/open-browser.ts";
import { commandLog, openLocal, sealLocally } from "../node/open-local.ts";
import { createOutgoingFetch, outgoingProxies } from "../node/outgoing-proxies.ts";
import { readStdin, readText } from "../node/read-text.ts";
import { rotateSeal } from "../node/rotate-seal.ts";
import { withSecretFiles } from "../node/secret-variables.ts";
import { configFileOf } from "./config-access.ts";
import { findLeftBehind } from "./left-behind.ts";
import { openOpenClawHost } from "./open-openclaw-host.ts";
import type { OpenClawConfig } from "./openclaw-config.ts";
import { connectOperator } from "./operator-socket.ts";
import { isAlone } from "./plugin-role.ts";
import { gatewayPort, pluginConfigIn, readPluginSettings } from "./plugin-settings.ts";
import { loadSdk } from "./sdk.ts";

/** `openclaw provisioning ...`: the commands of `dist/index.js`, on OpenClaw's own program and on its agents. */
export function addPluginCommands(program: Command, config: OpenClawConfig): void {
  if (!isAlone(process.env)) {
    refuseCommands(program);
    return;
  }
  // Everything this process makes for us is private from birth, SQLite's own files included.
  process.umask(0o077);
  const env: Environment = {
    ...process.env,
    OPENCLAW_PROVISIONING_HOST: "openclaw",
    OPENCLAW_GATEWAY_PORT: gatewayPort(config, process.env, []),
    OPENCLAW_PROVISIONING_ENABLED: process.env.OPENCLAW_PROVISIONING_ENABLED || "true",
  };
  const settings = (gatewayToken = "") => settingsOf(env, config, gatewayToken);
  attachProvisioning(
    program,
    {
      version,
      write: (line) => void process.stdout.write(line),
      writeError: (line) => void process.stderr.write(line),
      isTerminal: process.stdout.isTTY === true,
      env: (name) => withSecretFiles(process.env)[name],
      fetch: (request) =>
        createOutgoingFetch(outgoingProxies(), ({ remedy }) => void process.stderr.write(`${remedy}\n`))(request),
      readStdin,
      readFile: readText,
      openLocal: async () => (await openRunning(env, config)) ?? (await openStopped(env, settings())),
      doctor: async ({ fix }) => {
        const { resolveGatewayAuth } = await loadSdk("gateway-runtime");
        const { token } = resolveGatewayAuth({ authConfig: config.gateway?.auth, env });
        const options = { ownsToken: false, settings: () => settings(token) };
        return await diagnose({ ...env, OPENCLAW_GATEWAY_TOKEN: token }, fix, options);
      },
      verifyAuditFiles,
      seal: (secret) => sealLocally(env, secret),
      rotateSeal: (reseal) => rotateSeal(env, reseal),
      openBrowser: (link) => openBrowser(stateDirFrom(env), link),
      async serve() {
        throw new Error("the gateway serves: openclaw gateway run");
      },
    },
    (exitCode) => process.exit(exitCode),
  );
}

/**
 * The commands' results, master keys above all, must not come to lie beside the agents: all but one are refused. It is no
 * command to OpenClaw, which would refuse the others itself, in words that do not say where they are.
 */
function refuseCommands(program: Command): void {
  program
    .command("provisioning")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (_: unknown, { args: [name, ...options] }: Command) => {
      process.exit(name === "doctor" ? await examineLeftBehind(options.includes("--fix")) : refuseCommand());
    });
}

/** @returns the exit code */
function refuseCommand(): number {
  process.stderr.write(
    "error: this gateway has agents for a control plane, and the commands are there: " +
      "docker exec openclaw-gateway node dist/index.js provisioning ...\n",
  );
  return 1;
}

/** @returns the exit code */
async function examineLeftBehind(fix: boolean): Promise<number> {
  const stateDir = stateDirFrom(process.env);
  const found = await findLeftBehind(stateDir, configFileOf(stateDir, process.env));
  const { ok, checks } = doctorReport(await mendFindings("left behind", found, fix));
  for (const { status, name, detail, remedy } of checks) {
    process.stdout.write(`${[status, name, detail, remedy].filter(Boolean).join("  ")}\n`);
  }
  return ok ? 0 : 1;
}

/** Those of the gateway's plugin, whether or not it runs. */
const settingsOf = (env: Environment, config: OpenClawConfig, gatewayToken: string) =>
  readPluginSettings({
    env,
    stateDir: stateDirFrom(env),
    port: env.OPENCLAW_GATEWAY_PORT!,
    gatewayToken,
    pluginConfig: pluginConfigIn(config),
  });

/** The app beside a gateway that does not run: its agents' calls are looked at as soon as it does. */
async function openStopped(env: Environment, node: NodeSettings): Promise<LocalSession> {
  const { stateDir, settings } = node;
  const host = await openOpenClawHost({ stateDir, settings, log: commandLog(env), isLookedAt: true });
  return await openLocal(env, node, host);
}

/** The gateway's own app, where one runs: it has the agents' stores open, and its settings are the ones that count. */
async function openRunning(env: Environment, config: OpenClawConfig): Promise<LocalSession | undefined> {
  const stateDir = stateDirFrom(env);
  const operator = await connectOperator(stateDir);
  if (!operator) return undefined;
  const { settings } = settingsOf(env, config, "");
  const lock = createFileLock(join(stateDir, "provisioning", "init.sqlite"));
  return {
    fetch: operator.fetch,
    basePath: settings.provisioning.basePath,
    exclusively: async (work) => await lock.run(async () => await work()),
    async close() {
      await lock.close();
      await operator.close();
    },
  };
}
