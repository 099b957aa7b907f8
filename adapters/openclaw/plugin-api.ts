import type { IncomingMessage, ServerResponse } from "node:http";
import type { Command } from "commander";
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
  on?(
    hook: "before_tool_call",
    handler: (
      event: { toolName: string; params: Record<string, unknown> },
      context: { agentId?: string; sessionKey?: string },
    ) => { block: true; blockReason: string } | undefined,
    options?: { priority?: number },
  ): void;
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
