import { randomBytes } from "node:crypto";
import { type App, createApp } from "../../src/app.ts";
import { endsWithin } from "../../src/domain/ends-within.ts";
import type { Log } from "../../src/ports.ts";
import { createInFlightElsewhere } from "../../src/service/operations/in-flight-elsewhere.ts";
import { isGuessable, makeToken, tooShort } from "../../src/settings/credentials.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import { loadConsoleAssets } from "../console/load-assets.ts";
import type { Environment } from "../node/environment.ts";
import { createJsonLog } from "../node/json-log.ts";
import { openNode } from "../node/open-node.ts";
import { createRequestListener, type RequestListener } from "../node/request-listener.ts";
import { requireUsable } from "../node/require-usable.ts";
import { sha256 } from "../node/sha256.ts";
import { startAlerts } from "../node/webhooks/alert-timer.ts";
import { agentsCanRead } from "./agents-can-read.ts";
import { type ConfigAccess, configFileOf, inProcessConfig } from "./config-access.ts";
import { missingForSandbox } from "./doors/check-hold.ts";
import { inProcessKeyStore } from "./key-store.ts";
import { movedProviders } from "./metered-provider.ts";
import { gatewayOf } from "./open-openclaw-host.ts";
import type { OpenClawConfig } from "./openclaw-config.ts";
import { createOpenClawHost } from "./openclaw-host.ts";
import { serveOperator } from "./operator-socket.ts";
import type { PluginApi } from "./plugin-api.ts";
import { controlPlaneBearer, pluginRole, refuseSecrets } from "./plugin-role.ts";
import { gatewayPort, readPluginSettings } from "./plugin-settings.ts";
import { loadSdk } from "./sdk.ts";
import { createUnderWay, type UnderWay } from "./under-way.ts";

/** The service inside an OpenClaw gateway. */
export interface PluginApp {
  app: App;
  requests: RequestListener;
  underWay: UnderWay;
  /**
   * Admits nothing metered any more, answers what is under way, and ends with an error what takes too long. OpenClaw
   * waits for requests before it asks for this; a plugin that it replaces may have some.
   */
  close(): Promise<void>;
}

/** OpenClaw gives its plugins five seconds for it. */
const drainMs = 4_000;

/** Half a minute is what a claim of a dead process lasts at most. */
const maintenanceMs = 15_000;
/** Longer than settling takes; shorter than a client waits. */
const settleMs = 20_000;

/** Lines of ours in the gateway's log, secrets cut out. */
const gatewayLog = (api: PluginApi, level: Parameters<typeof createJsonLog>[0]): Log => {
  const lines: Record<string, Log> = {};
  for (const at of ["debug", "info", "warn", "error"] as const) {
    lines[at] = createJsonLog(level, (line) => api.logger[at](line.trimEnd()));
  }
  return (at, message, fields) => lines[at]!(at, message, fields);
};

/**
 * The app inside the gateway's process.
 * @throws SettingsError, Problem: what keeps it from working, in words for the operator
 */
export async function openPluginApp(api: PluginApi, env: Environment): Promise<PluginApp> {
  const { runtime } = api;
  const stateDir = runtime.state.resolveStateDir(env);
  const current = () => runtime.config.current() as OpenClawConfig;
  const { resolveGatewayAuth } = await loadSdk("gateway-runtime");
  const { token } = resolveGatewayAuth({ authConfig: current().gateway?.auth, env });
  if (!token) {
    throw new SettingsError(
      'the gateway has no token: set gateway.auth.mode to "token", and the token or OPENCLAW_GATEWAY_TOKEN',
    );
  }
  const split = pluginRole(env) === "agents";
  if (split) refuseSecrets(env, stateDir);
  const port = gatewayPort(current(), env, process.argv);
  const node = readPluginSettings({ env, stateDir, port, gatewayToken: token, pluginConfig: api.pluginConfig });
  const log = gatewayLog(api, node.settings.logLevel);
  if (isGuessable(token)) {
    log("warn", `the gateway's token is ${tooShort} and may be guessed: whoever has it may call the API`, {
      remedy: `set gateway.auth.token, or OPENCLAW_GATEWAY_TOKEN, to a longer one, ${makeToken}`,
    });
  }
  const ensureWorkspace = runtime.agent.ensureAgentWorkspace;
  const proxyBaseUrl = `${node.settings.provisioning.publicUrl}/proxy`;
  const { getRuntimeConfigSourceSnapshot } = await loadSdk("runtime-config-snapshot");
  const file = configFileOf(stateDir, env);
  const mutation = await loadSdk("config-mutation");
  const config = inProcessConfig(file, runtime.config, mutation, getRuntimeConfigSourceSnapshot);
  const host = createOpenClawHost({
    stateDir,
    workspaceRoots: node.settings.provisioning.workspaceRoots,
    workspaceDir: env.OPENCLAW_WORKSPACE_DIR || undefined,
    proxyBaseUrl,
    config,
    keys: inProcessKeyStore(await loadSdk("provider-auth"), stateDir),
    gateway: gatewayOf(async () => current(), env, { port }),
    openclaw: node.settings.provisioning.host.openclaw,
    isPlugin: true,
    fillWorkspace: ensureWorkspace && ((dir) => ensureWorkspace({ dir, ensureBootstrapFiles: true })),
    log,
  });
  // Nothing is sealed beside the agents: no key for it is kept there either.
  const unkept = [new Uint8Array(randomBytes(32))];
  const verifyBearer = split ? controlPlaneBearer(env, sha256) : undefined;
  const { ports, stores, close } = await openNode(node, {
    env,
    log,
    host,
    ...(split && { sealKeys: () => unkept }),
  });
  try {
    await requireUsable({ ports, stores }, node);
  } catch (error) {
    await close();
    throw error;
  }
  await followProxy(config, proxyBaseUrl).catch((cause) =>
    log("error", "agents may call an address that is gone", { cause }),
  );
  const { unattended, confinement } = node.settings.provisioning.host.openclaw;
  if (confinement === "sandbox") {
    const missing = await missingForSandbox(current());
    if (missing !== undefined) log("error", "no agent can be made with the confinement sandbox", { missing });
  }
  if (unattended === "off") {
    await endReviews(config).catch((cause) => log("error", "OpenClaw's weekly reviews could not be ended", { cause }));
  }
  const app = createApp(ports, node.settings, { verifyBearer, consoleAssets: split ? undefined : loadConsoleAssets });
  app.holdReadiness(createInFlightElsewhere(app.context));
  const requests = createRequestListener(app);
  const tend = () => app.maintain().catch((cause) => log("error", "maintenance failed; it is tried again", { cause }));
  const timer = setInterval(tend, maintenanceMs);
  timer.unref();
  // On the gateway nobody asks whether we are ready: what a crash left is settled before the first answer instead.
  const first = tend();
  await endsWithin(first, settleMs);
  const alerts = startAlerts(app.context);
  const endOperator = split ? async () => undefined : await openOperator(app, stateDir, log);
  if (split) log("info", "has agents for a control plane, and holds their own keys only", { proxy: proxyBaseUrl });
  else log("info", `serves on its own: ${agentsCanRead}`);
  const underWay = createUnderWay();
  return {
    app,
    requests,
    underWay,
    async close() {
      app.drain();
      if (!(await underWay.ended(Math.min(drainMs, node.settings.provisioning.drainSeconds * 1_000)))) {
        const cut = await requests.cutAll();
        if (cut.requests > 0) log("warn", "metered requests were cut at the end of the drain", { ...cut });
      }
      clearInterval(timer);
      await endOperator();
      await first;
      await requests.close();
      await alerts.stop();
      app.writeDenials();
      await close();
    },
  };
}

/** Also of the operator's own agents: OpenClaw has one switch for all. */
async function endReviews(config: ConfigAccess): Promise<void> {
  const modeIn = ({ skills }: OpenClawConfig) => skills?.workshop?.autonomous?.mode;
  if (modeIn(await config.read()) === "off") return;
  await config.mutate((draft) => {
    const { workshop } = draft.skills ?? {};
    const autonomous = { ...workshop?.autonomous, mode: "off" };
    draft.skills = { ...draft.skills, workshop: { ...workshop, autonomous } };
  }, []);
}

/** The commands have the HTTP API otherwise; a socket that cannot be had is no reason to have neither. */
const openOperator = (app: App, stateDir: string, log: Log) =>
  serveOperator(app, stateDir).catch((cause) => {
    log("warn", "the commands cannot use the running gateway", { cause });
    return async () => undefined;
  });

/** The gateway's port or its public address may be another than when the agents were made. */
async function followProxy(config: ConfigAccess, proxyBaseUrl: string): Promise<void> {
  if (Object.keys(movedProviders(await config.read(), proxyBaseUrl)).length === 0) return;
  await config.mutate((draft) => {
    for (const [name, baseUrl] of Object.entries(movedProviders(draft, proxyBaseUrl))) {
      draft.models!.providers![name]!.baseUrl = baseUrl;
    }
  }, []);
}
