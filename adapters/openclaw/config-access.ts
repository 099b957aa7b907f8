import { utimes } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Problem } from "../../src/errors.ts";
import type { Environment } from "../node/environment.ts";
import { GatewayAway, GatewayRefusal, type GatewayRpc } from "./gateway-rpc.ts";
import { refuseLeftLock } from "./left-behind.ts";
import type { Live, OpenClawConfig } from "./openclaw-config.ts";
import type { ConfigMutation, ConfigSnapshot, MutateConfig } from "./sdk.ts";

/** The file that OpenClaw keeps its configuration in. */
export const configFileOf = (stateDir: string, env: Environment): string =>
  resolve(env.OPENCLAW_CONFIG_PATH?.trim() || join(stateDir, "openclaw.json"));

export interface ConfigAccess {
  readonly file: string;
  read(): Promise<OpenClawConfig>;
  /** As the file has it, without OpenClaw's defaults: fit to be written back. */
  source(): Promise<OpenClawConfig>;
  /** The same with the variables (`${NAME}`) that the file names: what they stand for may be a secret. */
  authored(): Promise<OpenClawConfig>;
  /**
   * One write, durable when it resolves. `change` may run more than once; what it throws stops the write.
   * @param removed agents that the change takes away
   */
  mutate(change: (draft: OpenClawConfig) => void, removed: string[]): Promise<void>;
  /**
   * Whether the running gateway, if there is one, came to work like that in time.
   * @param withinMs default: `longestReloadMs`
   */
  applied(satisfied: (live: Live) => boolean, withinMs?: number): Promise<boolean>;
  /**
   * Has a running gateway look at the file again, which stays as it is; one in the middle of a reload goes on with it.
   * Several of them within a second hold up a look for as long as they come.
   */
  nudge(): Promise<void>;
}

/** OpenClaw's own words of its file or of paths are for the log; only the operator's file can mend this one. */
export const writeRefusal = (cause: unknown): string =>
  String((cause as Error | undefined)?.message).includes("$include-owned")
    ? "OpenClaw writes nothing that its configuration has by $include: put agents, bindings and models into openclaw.json itself."
    : "OpenClaw did not take the change of its configuration.";

/** A reload took 27 s where there were a hundred agents, and grows with them. */
export const longestReloadMs = 120_000;
/** The time that a reload of the gateway takes, for a change that its list of agents does not show. */
const reloadMs = 1_500;

/** @returns whether it became true in time */
export async function until(
  { everyMs, withinMs }: { everyMs: number; withinMs: number },
  isSo: () => boolean | Promise<boolean>,
): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > end) return false;
    await sleep(everyMs);
  }
  return true;
}

/**
 * OpenClaw 2026.9.6 takes a file that it cannot read, as one with a comma too few, for an empty one, and a change of it
 * would write over all that is in it.
 * @param isNeeded where it works with agents that a missing file had
 * @throws Problem `host_unavailable`
 */
function refuseUnreadable({ exists, valid, authoredConfig }: ConfigSnapshot, isNeeded: boolean): void {
  if (valid ? exists || !isNeeded : authoredConfig) return;
  throw new Problem(
    "host_unavailable",
    "OpenClaw cannot read its configuration file, and nothing is changed over that: " +
      "`openclaw config validate` says what to mend.",
  );
}

/** OpenClaw watches the file, and goes by its times. */
const touch = async (file: string): Promise<void> => await utimes(file, new Date(), new Date());

/** OpenClaw keeps other writers out by comparing hashes, and leaves it to the caller to try again. */
async function write(
  file: string,
  mutateConfigFile: MutateConfig,
  change: (draft: OpenClawConfig) => void,
  { removed, isNeeded }: { removed: string[]; isNeeded: boolean },
): Promise<void> {
  refuseLeftLock(file);
  for (let attempt = 1; ; attempt++) {
    try {
      await mutateConfigFile({
        afterWrite: { mode: "auto" },
        // Without leave, OpenClaw takes a missing agent, or half of the file missing, for an accident and refuses it.
        writeOptions: {
          allowConfigSizeDrop: true,
          ...(removed.length > 0 && { allowedAgentRosterRemovals: removed }),
        },
        mutate(draft, { snapshot }) {
          refuseUnreadable(snapshot, isNeeded);
          change(draft);
        },
      });
      return;
    } catch (error) {
      // OpenClaw waited for longer than a lock is taken for fresh.
      refuseLeftLock(file);
      if ((error as { retryable?: boolean }).retryable !== true || attempt === 5) throw error;
      await sleep(50 * attempt);
    }
  }
}

/** A change that is given up: OpenClaw shows its file to none but those who change it. */
async function readSource(file: string, mutateConfigFile: MutateConfig, isNeeded: boolean): Promise<OpenClawConfig> {
  refuseLeftLock(file);
  const seen: { config?: OpenClawConfig } = {};
  try {
    await mutateConfigFile({
      afterWrite: { mode: "auto" },
      mutate(draft, { snapshot }) {
        refuseUnreadable(snapshot, isNeeded);
        seen.config = structuredClone(draft);
        throw seen;
      },
    });
  } catch (error) {
    if (error === seen && seen.config) return seen.config;
    throw error;
  }
  throw new Error("OpenClaw did not show its configuration");
}

async function readAuthored(sdk: Pick<ConfigMutation, "readConfigFileSnapshotForWrite">): Promise<OpenClawConfig> {
  const { snapshot } = await sdk.readConfigFileSnapshotForWrite();
  return snapshot.authoredConfig ?? snapshot.sourceConfig;
}

/**
 * Inside the gateway: its own configuration in memory says what it works with.
 * @param live the same as it was written, without OpenClaw's defaults, its paths as they are named
 */
export function inProcessConfig(
  file: string,
  runtime: { current(): unknown; mutateConfigFile: MutateConfig },
  sdk: Pick<ConfigMutation, "readConfigFileSnapshotForWrite">,
  live: () => OpenClawConfig | null,
): ConfigAccess {
  const current = () => runtime.current() as OpenClawConfig;
  const isNeeded = () => Object.keys(current().agents?.entries ?? {}).length > 0;
  return {
    file,
    read: async () => current(),
    source: () => readSource(file, runtime.mutateConfigFile, isNeeded()),
    authored: () => readAuthored(sdk),
    mutate: (change, removed) => write(file, runtime.mutateConfigFile, change, { removed, isNeeded: isNeeded() }),
    nudge: () => touch(file),
    applied(satisfied, withinMs = longestReloadMs) {
      let seen: OpenClawConfig | undefined;
      return until({ everyMs: 5, withinMs }, () => {
        const whole = live() ?? current();
        // OpenClaw puts another in its place with each reload.
        if (whole === seen) return false;
        seen = whole;
        return satisfied({ agents: whole.agents?.entries ?? {}, whole });
      });
    },
  };
}

/** Beside the gateway: the file, and what the gateway says when asked. */
export function externalConfig(file: string, sdk: ConfigMutation, gateway: GatewayRpc): ConfigAccess {
  async function live(): Promise<Live> {
    const { agents } = await gateway.request<{
      agents: { id: string; name?: string; workspace?: string; model?: { primary?: string } }[];
    }>("agents.list", {});
    return { agents: Object.fromEntries(agents.map(({ id, ...seen }) => [id, seen])) };
  }
  const read = async () => {
    const { snapshot } = await sdk.readConfigFileSnapshotForWrite();
    refuseUnreadable(snapshot, false);
    return snapshot.sourceConfig;
  };
  return {
    file,
    read,
    source: read,
    authored: () => readAuthored(sdk),
    mutate: (change, removed) => write(file, sdk.mutateConfigFile, change, { removed, isNeeded: false }),
    nudge: () => touch(file),
    applied(satisfied, withinMs = longestReloadMs) {
      let isFirst = true;
      return until({ everyMs: 100, withinMs }, async () => {
        try {
          const shows = satisfied(await live());
          if (shows && isFirst) await sleep(reloadMs);
          isFirst = false;
          return shows;
        } catch (error) {
          // Without a gateway there is none that has to take it up.
          if (error instanceof GatewayAway) return true;
          if (!(error instanceof GatewayRefusal)) throw error;
          throw new Problem("gateway_failed", "OpenClaw refused to say which agents it has.", { cause: error });
        }
      });
    },
  };
}
