import { isDeepStrictEqual } from "node:util";
import { mayNeedPlugin, ourProviderIn, providerNameIn } from "./metered-provider.ts";
import { type AgentBinding, type AgentEntry, type Live, type OpenClawConfig, primaryModel } from "./openclaw-config.ts";

/** All that a configuration says of one agent: its entry, its routes, and the provider of ours that its model is of. */
export interface AgentPart {
  agentId: string;
  entry: AgentEntry | undefined;
  bindings: AgentBinding[];
  provider: unknown;
}

/** A copy, without what JSON has no word for. */
export function agentPart({ agents, bindings = [], models }: OpenClawConfig, agentId: string): AgentPart {
  const entry = agents?.entries?.[agentId];
  const provider = ourProviderIn(primaryModel(entry?.model));
  return JSON.parse(
    JSON.stringify({
      agentId,
      entry,
      bindings: bindings.filter((one) => one.agentId === agentId),
      provider: provider === undefined ? undefined : models?.providers?.[provider],
    }),
  );
}

/** The providers that the configuration declares, and those of all agents' models. */
export const providersIn = ({ agents, models }: OpenClawConfig): string[] => [
  ...Object.keys(models?.providers ?? {}),
  ...Object.values(agents?.entries ?? {})
    .map(({ model }) => providerNameIn(primaryModel(model)))
    .filter((name) => name !== undefined),
];

/**
 * Whether OpenClaw may replace all plugins for a change of an agent, once none of them has a call: a call that waits for
 * it would wait for itself.
 *
 * @param loaded providers whose plugin is loaded, if they have one
 */
export function replacesPlugins(
  before: AgentEntry | undefined,
  after: AgentEntry | undefined,
  loaded: ReadonlySet<string>,
): boolean {
  if (after === undefined) return false;
  const model = primaryModel(after.model);
  return (
    after.decisionModel !== before?.decisionModel ||
    (model !== primaryModel(before?.model) && mayNeedPlugin(model) && !loaded.has(providerNameIn(model) ?? ""))
  );
}

/** Whether the gateway works with what was written of the agent, as far as it tells. */
export function showsPart({ agents, whole }: Live, written: AgentPart): boolean {
  const { agentId, entry } = written;
  if (whole) return isDeepStrictEqual(agentPart(whole, agentId), written);
  const seen = agents[agentId];
  if (!seen || !entry) return !seen && !entry;
  return (
    (entry.name === undefined || seen.name === entry.name) &&
    (entry.workspace === undefined || seen.workspace === entry.workspace) &&
    (entry.model === undefined || primaryModel(seen.model) === primaryModel(entry.model))
  );
}
