import { isPlainAddress, withoutPassword } from "../../src/domain/plain-address.ts";
import type { AgentHost, Log } from "../../src/ports.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { Settings } from "../../src/settings.ts";
import { version } from "../../src/version.ts";
import type { Environment } from "../node/environment.ts";
import { configFileOf, externalConfig } from "./config-access.ts";
import { createGatewayRpc, type GatewayRpc } from "./gateway-rpc.ts";
import { childKeyStore } from "./key-store.ts";
import type { OpenClawConfig } from "./openclaw-config.ts";
import { createOpenClawHost } from "./openclaw-host.ts";
import { loadSdk, sdkAddress } from "./sdk.ts";

/**
 * To the gateway of this configuration, wherever it is now.
 * @param where its address or its port, if not as configured; and the package's directory
 */
export function gatewayOf(
  read: () => Promise<OpenClawConfig>,
  env: Environment,
  where: { url?: string | undefined; port?: string; packageDir?: string | undefined },
): GatewayRpc {
  return createGatewayRpc(
    async () => {
      const { gateway } = await read();
      const { resolveGatewayAuth } = await loadSdk("gateway-runtime", where.packageDir);
      const { token, password } = resolveGatewayAuth({ authConfig: gateway?.auth, env });
      const scheme = gateway?.tls?.enabled ? "wss" : "ws";
      const url = where.url ?? `${scheme}://127.0.0.1:${where.port ?? gateway?.port ?? 18789}`;
      return { url: url.replace(/^http/, "ws"), auth: { ...(token && { token }), ...(password && { password }) } };
    },
    { version },
  );
}

/**
 * The host from outside of the gateway's process: the same state directory, and the package `openclaw` to write it
 * with. A gateway that runs is told at `OPENCLAW_GATEWAY_URL`, by default on this machine.
 *
 * @throws Problem `host_unavailable` without the package
 */
export async function openOpenClawHost(options: {
  stateDir: string;
  settings: Settings;
  log: Log;
  env?: Environment;
  /** Whether the gateway has the plugin, which looks at agents' calls of tools. */
  isLookedAt?: boolean;
}): Promise<AgentHost> {
  const { stateDir, settings, log, env = process.env, isLookedAt = false } = options;
  const packageDir = env.OPENCLAW_PACKAGE_DIR || undefined;
  // OpenClaw finds its files by its own environment.
  process.env.OPENCLAW_STATE_DIR = stateDir;
  const mutation = await loadSdk("config-mutation", packageDir);
  const read = async () => (await mutation.readConfigFileSnapshotForWrite()).snapshot.sourceConfig;
  const url = env.OPENCLAW_GATEWAY_URL || undefined;
  if (url !== undefined && !isPlainAddress(url.replace(/^ws/i, "http"))) {
    throw new SettingsError(
      `OPENCLAW_GATEWAY_URL is "${withoutPassword(url)}"; it must be a ws or http URL without credentials, as in ws://127.0.0.1:18789`,
    );
  }
  const gateway = gatewayOf(read, env, { packageDir, url });
  return createOpenClawHost({
    stateDir,
    workspaceRoots: settings.provisioning.workspaceRoots,
    workspaceDir: env.OPENCLAW_WORKSPACE_DIR || undefined,
    proxyBaseUrl: `${settings.provisioning.publicUrl}/proxy`,
    config: externalConfig(configFileOf(stateDir, env), mutation, gateway),
    keys: childKeyStore(sdkAddress("provider-auth", packageDir), stateDir),
    gateway,
    openclaw: settings.provisioning.host.openclaw,
    isPlugin: false,
    isLookedAt,
    log,
  });
}
