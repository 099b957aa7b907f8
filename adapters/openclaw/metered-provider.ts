import { factsOf, isProviderKind, type ProviderFacts, type ProviderKind } from "../../src/domain/provider-facts.ts";
import { Problem } from "../../src/errors.ts";
import type { Credential } from "../../src/ports.ts";
import { providers } from "../../src/providers/registry.ts";
import { usualMaxOutput } from "../../src/providers/shared/output-bounds.ts";
import { sha256 } from "../node/sha256.ts";
import { modelCost } from "./model-cost.ts";
import type { ModelEntry, OpenClawConfig } from "./openclaw-config.ts";

/** One entry of `models.providers`, shared by every agent whose key is for it. */
export interface AgentProvider {
  /** Such as `metered-anthropic`: never a provider's own name, whose shared keys an agent would fall back on. */
  name: string;
  slug: string;
  api: string;
  baseUrl: string;
  /** One whose models are known here. */
  isBuiltIn: boolean;
}

const kindOf = (slug: string): ProviderKind => (isProviderKind(slug) ? slug : "custom");
const factsOfSlug = (slug: string): ProviderFacts => factsOf(kindOf(slug));
const short = (text: string): string => sha256(text).slice(0, 8);

/**
 * @param proxyBaseUrl where our own proxy is; a key for it always goes to the provider of the plain name, whose
 *   address follows when the proxy moves
 * @throws Problem `provider_settings` where nothing says where the provider is
 */
export function providerFor(credential: Credential, proxyBaseUrl: string | undefined): AgentProvider {
  const { provider: slug, metered } = credential;
  const { baseUrl, openClaw } = factsOfSlug(slug);
  const address = credential.baseUrl ?? baseUrl;
  if (address === undefined) {
    throw new Problem("provider_settings", `The provider "${slug}" has no address of its own: give "baseUrl".`);
  }
  const usual = metered ? proxyBaseUrl === undefined || address.startsWith(`${proxyBaseUrl}/`) : address === baseUrl;
  const name = `${metered ? "metered" : "own"}-${slug}${usual ? "" : `-${short(address)}`}`;
  const suffix = openClaw?.suffix !== undefined && !address.endsWith(openClaw.suffix) ? openClaw.suffix : "";
  const api = openClaw?.api ?? "openai-completions";
  return { name, slug, api, baseUrl: `${address}${suffix}`, isBuiltIn: openClaw !== undefined };
}

/** Stands for a provider in the model of an agent that has no key yet. No provider has this name. */
const unassigned = "unassigned";

/**
 * The provider's name in a model reference of ours; `undefined` for any other model. Operators have names that begin so
 * too: one of ours for keys that were onboarded is a built-in provider's, or bears the mark of its address.
 */
export function ourProviderIn(reference: string | undefined): string | undefined {
  const name = reference?.match(/^((?:metered|own)-[a-z0-9-]+)\/./)?.[1];
  const slug = name?.match(/^own-(.*)/)?.[1];
  const isOurs = slug === undefined || factsOfSlug(slug).baseUrl !== undefined || /-[0-9a-f]{8}$/.test(slug);
  return isOurs ? name : undefined;
}

/** @param name of a provider, as in a profile of a store of keys */
export const isOurProvider = (name: string): boolean => ourProviderIn(`${name}/*`) !== undefined;

/** Whether a model can only be called with an agent's own key: at a provider of ours stands none for all agents. */
export function isAgentsOwn(reference: string | undefined, { models }: OpenClawConfig): boolean {
  const name = ourProviderIn(reference);
  return name !== undefined && models?.providers?.[name]?.apiKey === undefined;
}

/**
 * The reference of a model that is not called with a key of ours. By its bare name OpenClaw would give it to whichever
 * provider it knows it of, with the key that is shared there; whoever wants that names the provider.
 */
export const keylessReference = (model: string | undefined): string | undefined =>
  model === undefined || model.includes("/") ? model : `${unassigned}/${model}`;

/** The same model once its key is gone: whatever its name begins with, it waits for the next key. */
export const withoutKey = (reference: string): string => `${unassigned}/${shownModel(reference)}`;

/** The provider's name in any model reference. */
export const providerNameIn = (reference: string | undefined): string | undefined =>
  reference?.match(/^[^/]+(?=\/)/)?.[0];

/** Whether OpenClaw may have to load a plugin of its own for the model's provider. */
export const mayNeedPlugin = (reference: string | undefined): boolean =>
  reference !== undefined && ourProviderIn(reference) === undefined && !isUnassigned(reference);

/**
 * The slug of the AI provider for whose keys the entry of this name is. A slug may end as the mark of an address does:
 * its path at the proxy tells them apart.
 */
export function slugIn(name: string, { models }: OpenClawConfig): string {
  const marked = name.replace(/^(metered|own)-/, "");
  const path = `${models?.providers?.[name]?.baseUrl ?? ""}/`;
  return path.includes(`/proxy/${marked}/`) ? marked : marked.replace(/-[0-9a-f]{8}$/, "");
}

/** A model as the caller knows it. */
export const shownModel = (reference: string | undefined): string | undefined => {
  const name = reference?.startsWith(`${unassigned}/`) ? unassigned : ourProviderIn(reference);
  return name === undefined ? reference : reference!.slice(name.length + 1);
};

/** Whether it was named for a key that the agent has not got yet. */
export const isUnassigned = (reference: string): boolean => reference.startsWith(`${unassigned}/`);

/** OpenClaw's own prefixes before the names of this provider's models. */
export function nativePrefixes(slug: string): string[] {
  const prefix = factsOfSlug(slug).openClaw?.prefix;
  return prefix === undefined ? [slug] : [slug, prefix];
}

/** Whether the provider is a router with models under its own name, as `openrouter/auto`. */
export const hasOwnNamedModels = (slug: string): boolean => factsOfSlug(slug).openClaw?.hasOwnNamedModels === true;

/**
 * A reference that can only be called with the agent's own key: whatever provider a model's name begins with, it is
 * asked of the one that the key is for.
 */
export function modelReference(provider: Pick<AgentProvider, "name" | "slug">, model: string | undefined): string {
  const asked = model ?? factsOfSlug(provider.slug).openClaw?.defaultModel;
  if (asked === undefined) {
    throw new Problem("invalid_body", `The provider "${provider.slug}" has no default model: give "model".`, {
      errors: [{ path: "model", message: "is required with this provider" }],
    });
  }
  // A router has models whose names begin with its own: `openrouter/auto`, and `openrouter/<vendor>/<model>` in OpenClaw.
  const isRouters = hasOwnNamedModels(provider.slug) && asked.split("/").length < 3;
  const prefixes = [provider.name, ...(isRouters ? [] : nativePrefixes(provider.slug))];
  const prefix = prefixes.find((one) => asked.startsWith(`${one}/`));
  return `${provider.name}/${prefix === undefined ? asked : asked.slice(prefix.length + 1)}`;
}

/**
 * OpenClaw refuses a model that is not declared. The output bound is the model's own, and no more than most need: the
 * meter reserves it with every request, and a bound of 128,000 would end a small quota long before it is used up.
 */
const modelEntry = (slug: string, id: string): ModelEntry => ({
  id,
  name: id,
  reasoning: false,
  input: ["text", "image"],
  cost: modelCost(slug, id, new Date().toISOString().slice(0, 10)),
  contextWindow: 200_000,
  maxTokens: Math.min(providers[kindOf(slug)].maxOutput(id) ?? usualMaxOutput, usualMaxOutput),
});

/** Declares the provider in the draft; models that are there stay as they are. */
export function declareProvider(draft: OpenClawConfig, provider: AgentProvider): void {
  draft.models ??= {};
  draft.models.mode ??= "merge";
  draft.models.providers ??= {};
  const { apiKey: _, ...there } = draft.models.providers[provider.name] ?? {};
  // A key at the provider can win over the agent's own: there is none here, whoever put it in.
  draft.models.providers[provider.name] = {
    ...there,
    baseUrl: provider.baseUrl,
    api: provider.api,
    models: there.models ?? [],
  };
}

/** Declares the model of a reference with its provider, where there is such a provider. */
export function declareModel(draft: OpenClawConfig, reference: string): void {
  const name = ourProviderIn(reference);
  const provider = name === undefined ? undefined : draft.models?.providers?.[name];
  if (!provider) return;
  const id = shownModel(reference)!;
  provider.models ??= [];
  if (provider.models.some((model) => model.id === id)) return;
  provider.models.push(modelEntry(slugIn(name!, draft), id));
}

/**
 * The addresses that our providers have to have when the proxy is at `proxyBaseUrl`: agents that were made before it
 * moved call the old ones otherwise. Those at another service's proxy stay.
 */
export function movedProviders(config: OpenClawConfig, proxyBaseUrl: string): Record<string, string> {
  const moved: Record<string, string> = {};
  for (const [name, { baseUrl }] of Object.entries(config.models?.providers ?? {})) {
    if (name !== `metered-${slugIn(name, config)}`) continue;
    const path = baseUrl?.match(/\/proxy(\/.*)$/)?.[1];
    if (path !== undefined && baseUrl !== `${proxyBaseUrl}${path}`) moved[name] = `${proxyBaseUrl}${path}`;
  }
  return moved;
}
