import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isProblem, Problem } from "../../src/errors.ts";
import type { OpenClawConfig } from "./openclaw-config.ts";

/**
 * The parts of OpenClaw's plugin SDK that are used here, declared by their shape: the package itself is there only
 * where OpenClaw runs.
 */
export interface StoredProfile {
  type: string;
  provider: string;
  key?: string;
  /** Whether other agents may take it over. */
  copyToAgents?: boolean;
}

export interface ProfileStore {
  profiles: Record<string, StoredProfile>;
  order?: Record<string, string[]>;
  lastGood?: Record<string, string>;
  usageStats?: Record<string, unknown>;
}

/** `openclaw/plugin-sdk/provider-auth` */
export interface ProviderAuth {
  /** `updater` changes the store in place and returns whether it did. Resolves to `null` where the lock was not had. */
  updateAuthProfileStoreWithLock(params: {
    agentDir: string;
    stateDir: string;
    updater(store: ProfileStore): boolean;
  }): Promise<ProfileStore | null>;
}

/** What a file was read as. */
export interface ConfigSnapshot {
  exists: boolean;
  valid: boolean;
  sourceConfig: OpenClawConfig;
  /** With `${NAME}` where the file has it; absent for a file that cannot be read. */
  authoredConfig?: OpenClawConfig;
}

export type MutateConfig = (params: {
  afterWrite: { mode: "auto" };
  writeOptions?: { allowedAgentRosterRemovals?: string[]; allowConfigSizeDrop?: boolean };
  mutate(draft: OpenClawConfig, context: { snapshot: ConfigSnapshot }): void;
}) => Promise<unknown>;

/** `openclaw/plugin-sdk/config-mutation` */
export interface ConfigMutation {
  mutateConfigFile: MutateConfig;
  readConfigFileSnapshotForWrite(): Promise<{ snapshot: ConfigSnapshot }>;
}

/** `openclaw/plugin-sdk/gateway-runtime` */
interface GatewayRuntime {
  resolveGatewayAuth(params: { authConfig?: unknown; env?: Record<string, string | undefined> }): {
    mode: string;
    token?: string;
    password?: string;
  };
}

/** `openclaw/plugin-sdk/runtime-config-snapshot` */
interface RuntimeConfigSnapshot {
  /** The configuration that the gateway works with, as it was written; `null` outside of a gateway. */
  getRuntimeConfigSourceSnapshot(): OpenClawConfig | null;
}

interface Modules {
  "provider-auth": ProviderAuth;
  "config-mutation": ConfigMutation;
  "gateway-runtime": GatewayRuntime;
  "runtime-config-snapshot": RuntimeConfigSnapshot;
}

/**
 * The address of a module of the SDK.
 *
 * @param packageDir where the package is, if not in a `node_modules` that is searched from here (OpenClaw's own image
 *   has it in `/app`)
 * @throws Problem `host_unavailable` where there is no such package
 */
export function sdkAddress(name: keyof Modules, packageDir?: string): string {
  const from = packageDir === undefined ? import.meta.url : join(packageDir, "package.json");
  try {
    return pathToFileURL(createRequire(from).resolve(`openclaw/plugin-sdk/${name}`)).href;
  } catch (cause) {
    throw absent(cause);
  }
}

/** @throws Problem `host_unavailable` */
export async function loadSdk<Name extends keyof Modules>(name: Name, packageDir?: string): Promise<Modules[Name]> {
  try {
    // A plugin's loader knows the bare name, wherever the package is.
    const specifier = packageDir === undefined ? `openclaw/plugin-sdk/${name}` : sdkAddress(name, packageDir);
    return (await import(specifier)) as Modules[Name];
  } catch (cause) {
    throw isProblem(cause) ? cause : absent(cause);
  }
}

const absent = (cause: unknown): Problem =>
  new Problem(
    "host_unavailable",
    'The package "openclaw" cannot be used from here; install it beside this service, or set OPENCLAW_PACKAGE_DIR.',
    { cause },
  );
