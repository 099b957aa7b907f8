import type { IncomingMessage, ServerResponse } from "node:http";
import type { Command } from "commander";
import type { Reply, Written } from "./doors/reply-files.ts";
import type { MutateConfig } from "./sdk.ts";

/** A tab of the gateway's own page; `path` is shown in a sandboxed frame. */
type RegisterControlUi = (descriptor: {
  id: string;
  surface: "tab";
  slug: string;
  label: string;
  description: string;
  icon: string;
  path: string;
}) => void;

/** The hooks that are used here. */
export interface Hooks {
  /** Somebody's message, before any command in it is carried out. */
  before_dispatch(
    event: { content?: string; body?: string; sessionKey?: string },
    context: { sessionKey?: string },
  ): { handled: true; text: string } | undefined;
  before_tool_call(
    event: { toolName: string; params: Record<string, unknown> },
    /** `channelId` is there in a conversation alone. */
    context: { agentId?: string; sessionKey?: string; channelId?: string },
  ): { block: true; blockReason: string } | { params: Record<string, unknown> } | undefined;
  before_message_write(event: { message: Written }, context: { agentId?: string; sessionKey?: string }): void;
  reply_payload_sending(
    event: { payload: Reply; sessionKey?: string },
    context: { sessionKey?: string },
  ): { payload: Reply } | undefined;
  message_sending(
    event: { metadata?: { mediaUrls?: unknown } },
    context: { sessionKey?: string },
  ): { cancel: true; cancelReason: string } | undefined;
}

/** The part of OpenClaw's plugin API that is used here. */
export interface PluginApi {
  /** `full` in a gateway; `discovery`, `cli-metadata` and others where a plugin is only looked at. */
  registrationMode: string;
  pluginConfig?: Record<string, unknown> | undefined;
  logger: Record<"debug" | "info" | "warn" | "error", (message: string) => void>;
  runtime: PluginRuntime;
  lifecycle?: { onDispose?(cleanup: () => Promise<void>): unknown };
  registerHttpRoute(route: {
    path: string;
    match: "exact" | "prefix";
    auth: "plugin" | "gateway";
    handler(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
  }): void;
  /** Not there on every host. */
  session?: { controls?: { registerControlUiDescriptor?: RegisterControlUi } };
  registerControlUiDescriptor?: RegisterControlUi;
  registerService(service: { id: string; start(): void | Promise<void>; stop?(): void | Promise<void> }): void;
  /** Not there in every registration mode. */
  on?<K extends keyof Hooks>(hook: K, handler: Hooks[K]): void;
  registerCli(
    attach: (context: { program: Command; config: unknown }) => void | Promise<void>,
    options: { descriptors: { name: string; description: string; hasSubcommands: boolean }[] },
  ): void;
}

/** Not there in every registration mode: reading it then throws. */
interface PluginRuntime {
  version: string;
  config: { current(): unknown; mutateConfigFile: MutateConfig };
  state: { resolveStateDir(env: Record<string, string | undefined>): string };
  agent: { ensureAgentWorkspace?(params: { dir: string; ensureBootstrapFiles: boolean }): Promise<unknown> };
}
