import { realpathSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join, resolve, sep } from "node:path";
import type { ProvisioningSettings } from "../../src/settings/provisioning-settings.ts";
import { parseSettings } from "../../src/settings.ts";
import { agentInKey, heldParams, refusalOf } from "./doors/agents-apart.ts";
import { refusalOfCommand } from "./doors/chat-commands.ts";
import { refusalOfContent } from "./doors/message-content.ts";
import { createReplyFiles } from "./doors/reply-files.ts";
import { readMarker } from "./made-marker.ts";
import type { OpenClawConfig } from "./openclaw-config.ts";
import type { PluginApi } from "./plugin-api.ts";
import { openPluginApp, type PluginApp } from "./plugin-app.ts";
import { addPluginCommands } from "./plugin-cli.ts";
import { isAlone } from "./plugin-role.ts";
import { pluginRoutes } from "./plugin-routes.ts";
import { pluginId, readPluginSettings } from "./plugin-settings.ts";
import { addSummaryTab } from "./summary-tab.ts";
import { untilClosed } from "./until-closed.ts";

const oldestHost = [2026, 9, 0];
const description = "Provision agents over HTTP, each with its own metered AI key";

/** Versions are `year.month.patch`, with a suffix after `-` on the way to a release. */
function isTooOld(version: string): boolean {
  const parts = version.split(/[.-]/).map(Number);
  for (const [at, oldest] of oldestHost.entries()) {
    if (parts[at] !== oldest) return !(parts[at]! > oldest);
  }
  return false;
}

/** The gateway's answer for us while we cannot. */
function refuse(response: ServerResponse): void {
  const detail = "Provisioning cannot work; the gateway's log says why.";
  const problem = { type: "about:blank", title: "Not ready", status: 503, detail, code: "not_ready", error: detail };
  response.writeHead(503, { "content-type": "application/problem+json", "retry-after": "5" });
  response.end(JSON.stringify(problem));
}

/** One for all registries of the process: what one hook notes, another looks up. */
const replyFiles = createReplyFiles();

/** OpenClaw blocks a call whose hook throws or does not answer. */
function keepAgentsApart(api: PluginApi): void {
  const stateDir = () => api.runtime.state.resolveStateDir(process.env);
  const isMadeHere = (agentId: string): boolean =>
    readMarker(join(stateDir(), "agents", agentId))?.operationId !== undefined;
  api.on?.("before_tool_call", (event, { agentId, sessionKey, channelId }) => {
    const config = api.runtime.config.current() as OpenClawConfig;
    const call = { ...event, inConversation: channelId !== undefined };
    const caller = agentId ?? agentInKey(sessionKey);
    const blockReason = refusalOf(call, caller, config, isMadeHere, stateDir());
    if (blockReason !== undefined) return { block: true, blockReason };
    const params = heldParams(call, caller, config, isMadeHere);
    return params && { params };
  });
  const place = () => ({ config: api.runtime.config.current() as OpenClawConfig, stateDir: stateDir() });
  api.on?.("before_dispatch", ({ content = "", body = "", sessionKey }, context) => {
    const asked = agentInKey(sessionKey ?? context.sessionKey);
    if (asked === undefined || !isMadeHere(asked)) return undefined;
    const { config, stateDir: at } = place();
    const text = refusalOfCommand([content, body], asked, config, at);
    return text === undefined ? undefined : { handled: true, text };
  });
  api.on?.("before_message_write", ({ message }, { agentId, sessionKey = "" }) => {
    const writer = agentId ?? agentInKey(sessionKey);
    if (writer !== undefined) replyFiles.note(message, writer, sessionKey, place());
  });
  api.on?.("reply_payload_sending", ({ payload, sessionKey }, context) => {
    const key = sessionKey ?? context.sessionKey ?? "";
    const speaker = agentInKey(key);
    if (speaker === undefined || !isMadeHere(speaker)) return undefined;
    const sent = replyFiles.withoutOthers(payload, speaker, key, place());
    return sent && { payload: sent };
  });
  // Answers of a hook's turn or a job come here alone, with the files where they lie.
  api.on?.("message_sending", ({ metadata }, { sessionKey }) => {
    const speaker = agentInKey(sessionKey);
    if (speaker === undefined || !isMadeHere(speaker)) return undefined;
    const { config, stateDir: at } = place();
    const copies = join(realpathSync(at), "media") + sep;
    const mediaUrls = [metadata?.mediaUrls].flat().filter((one) => !resolve(String(one)).startsWith(copies));
    const cancelReason = refusalOfContent(config, speaker, { mediaUrls }, at);
    return cancelReason === undefined ? undefined : { cancel: true, cancelReason };
  });
}

function register(api: PluginApi): void {
  api.registerCli(({ program, config }) => addPluginCommands(program, config as OpenClawConfig), {
    descriptors: [{ name: "provisioning", description, hasSubcommands: true }],
  });
  // An agent's turn works with a registry of its own, for which the plugin is registered in another mode.
  keepAgentsApart(api);
  if (api.registrationMode !== "full") return;
  const { version } = api.runtime;
  if (isTooOld(version)) {
    api.logger.error(
      `${pluginId} needs OpenClaw ${oldestHost.join(".")} or later, and this is ${version}: it stays off`,
    );
    return;
  }

  let opening: Promise<PluginApp> | undefined;
  let closed = false;
  /** Goes on answering what comes while it drains. */
  let leaving: PluginApp | undefined;
  /** A fault may be mended while the gateway runs: the next request tries again. */
  const open = (): Promise<PluginApp> => {
    if (closed) return Promise.reject(new Error("the plugin is being replaced"));
    opening ??= openPluginApp(api, process.env).catch((error: unknown) => {
      opening = undefined;
      api.logger.error(`${pluginId} does not work: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    });
    return opening;
  };

  async function handler(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    let running: PluginApp;
    try {
      running = leaving ?? (await open());
    } catch {
      refuse(response);
      return true;
    }
    const done = running.underWay.add(untilClosed(response));
    running.requests.handle(request, response);
    // The gateway counts a request as under way until this resolves, and waits for it before it restarts.
    await done;
    return true;
  }

  const role = isAlone(process.env) ? "alone" : "agents";
  const paths = pathsOf(api);
  if (role === "alone") addSummaryTab(api, paths.console, async () => leaving ?? (await open()));
  for (const route of pluginRoutes(role, paths)) api.registerHttpRoute({ ...route, auth: "plugin", handler });

  const close = async (): Promise<void> => {
    closed = true;
    const opened = opening;
    opening = undefined;
    const running = await opened?.catch(() => undefined);
    if (!running) return;
    leaving = running;
    await running.close();
    if (leaving === running) leaving = undefined;
  };
  api.registerService({
    id: pluginId,
    start() {
      closed = false;
      leaving = undefined;
      open().catch(() => undefined);
    },
    stop: close,
  });
  api.lifecycle?.onDispose?.(close);
}

/** Routes are registered before anything is opened; a setting that is wrong is told where it is opened. */
function pathsOf(api: PluginApi): Pick<ProvisioningSettings, "basePath" | "console"> {
  try {
    const stateDir = api.runtime.state.resolveStateDir(process.env);
    const { pluginConfig } = api;
    return readPluginSettings({ env: process.env, stateDir, port: "0", gatewayToken: "", pluginConfig }).settings
      .provisioning;
  } catch {
    return parseSettings({}, "defaults").provisioning;
  }
}

/** A plain object: an SDK import that an older host lacks would fail without saying why. */
export default { id: pluginId, name: "Provisioning", description, register };
