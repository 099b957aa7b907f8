import {
  type AgentProvider,
  hasOwnNamedModels,
  isAgentsOwn,
  isUnassigned,
  modelReference,
  nativePrefixes,
  ourProviderIn,
  shownModel,
  slugIn,
} from "./metered-provider.ts";
import { type OpenClawConfig, primaryModel } from "./openclaw-config.ts";

/** OpenClaw takes a name without a provider for an alias first. */
function withoutAlias(config: OpenClawConfig, model: string): string {
  const aliases = Object.entries(config.agents?.defaults?.models ?? {});
  return aliases.find(([, { alias }]) => alias?.toLowerCase() === model.toLowerCase())?.[0] ?? model;
}

/**
 * The model of an agent that is given a key. It is called with that key alone, or, where it is of another key of the
 * agent's own, stays: then this is `undefined`.
 *
 * @param agent.current its model so far, as the entry names it
 * @param agent.madeHere its model was named for a key that it was to get, and not for one that the gateway has
 * @throws Problem `invalid_body` where nothing says which model of the provider it is to be
 */
export function modelForKey(
  provider: AgentProvider,
  asked: string | undefined,
  agent: { current: string | undefined; madeHere: boolean },
  config: OpenClawConfig,
): string | undefined {
  if (asked !== undefined) return modelReference(provider, asked);
  const usual = primaryModel(config.agents?.defaults?.model);
  const named = agent.current ?? (agent.madeHere ? undefined : usual);
  const current = named === undefined ? undefined : withoutAlias(config, named);
  if (current === undefined) return modelReference(provider, undefined);
  const candidate = ourProviderIn(current);
  const ours = candidate === provider.name || isAgentsOwn(current, config) ? candidate : undefined;
  if (ours !== undefined && slugIn(ours, config) !== provider.slug) return undefined;
  if (ours !== undefined || isUnassigned(current) || !current.includes("/")) {
    return modelReference(provider, shownModel(current));
  }
  const native = nativePrefixes(provider.slug);
  const prefix = current.slice(0, current.indexOf("/"));
  const isItsOwn = native.includes(prefix);
  // Routers and custom providers have models with a slash in their names; a provider of the gateway's is none of those.
  const isRouters = hasOwnNamedModels(provider.slug) || (!provider.isBuiltIn && agent.madeHere);
  const isRouted = isRouters && config.models?.providers?.[prefix] === undefined;
  return modelReference(provider, isItsOwn || isRouted ? current : undefined);
}
