import { agentIdFrom } from "../../src/domain/agent-id.ts";
import { bindingTaken } from "../../src/domain/taken.ts";
import type { BindResult, HostAgent } from "../../src/ports.ts";
import { type Hold, holdIn, holdModels, holdPlace, holdTools } from "./doors/held-entry.ts";
import { shownModel } from "./metered-provider.ts";
import {
  type AgentBinding,
  type AgentEntry,
  type OpenClawConfig,
  primaryModel,
  type RouteMatch,
} from "./openclaw-config.ts";

/** OpenClaw puts the gateway's variable, which may be a secret, in the place of `${NAME}` in its file. */
export const variable = /\$(?=\{[A-Z_][A-Z0-9_]*\})/g;

/** A variable behind another `$` is text. */
export const holdsVariable = (text: unknown): boolean =>
  typeof text === "string" && new RegExp(`(?<!\\$)${variable.source}`).test(text);

/** Callers' text, as OpenClaw is to show it. */
export const literal = <T>(named: T): T => JSON.parse(JSON.stringify(named).replaceAll(variable, "$$$$")) as T;

/**
 * @param model a whole reference
 * @param models what it may be called with besides
 */
export function entryFor(
  agent: HostAgent,
  { model, models, ...hold }: Hold & { model: string | undefined; models: readonly string[] },
  config: OpenClawConfig,
  isLookedAt: boolean,
): AgentEntry {
  const entry: AgentEntry = {
    name: literal(agent.name),
    workspace: agent.workspace!,
    agentDir: agent.agentDir!,
    ...(agent.identity && { identity: { ...literal(agent.identity) } }),
    utilityModel: "",
    memory: { search: { provider: "none" } },
  };
  if (model !== undefined) holdModels(entry, { primary: model, allow: models }, config);
  holdTools(entry, agent.agentId, hold, isLookedAt);
  holdPlace(entry, hold, config);
  return entry;
}

/** OpenClaw takes `Support` for the agent `support`. */
export const hasAgent = ({ agents }: OpenClawConfig, agentId: string): boolean =>
  Object.keys(agents?.entries ?? {}).some((name) => name === agentId || agentIdFrom(name) === agentId);

/** Whether an entry has anything of what an agent is made with here: one that others have made has none of it. */
export const isOurEntry = (entry: AgentEntry, agentId: string): boolean =>
  entry.utilityModel === "" || entry.memory?.search?.provider === "none" || holdIn(entry, agentId) !== undefined;

export function setEntry(draft: OpenClawConfig, agentId: string, entry: AgentEntry): void {
  draft.agents = { ...draft.agents, entries: { ...draft.agents?.entries, [agentId]: entry } };
}

/** @param agentDir where OpenClaw keeps an agent's state by default */
export function agentOf(
  config: OpenClawConfig,
  agentId: string,
  entry: AgentEntry,
  agentDir: (agentId: string) => string,
): HostAgent {
  const { name, emoji, avatar } = entry.identity ?? {};
  const identity = { ...(name !== undefined && { name }), ...(emoji && { emoji }), ...(avatar && { avatar }) };
  return {
    agentId,
    name: entry.name ?? agentId,
    workspace: entry.workspace,
    agentDir: entry.agentDir ?? agentDir(agentId),
    model: shownModel(primaryModel(entry.model)),
    identity: Object.keys(identity).length > 0 ? identity : undefined,
    bindings: bindingsOf(config, agentId),
    ...holdIn(entry, agentId),
  };
}

const matchOf = (binding: string): RouteMatch => {
  const [channel, accountId] = binding.split(":", 2);
  return { channel: channel!, ...(accountId !== undefined && { accountId }) };
};

const channelName = (text: string): string => text.trim().toLowerCase();

const accountForm = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** An account's name as OpenClaw 2026.9 takes it, whoever wrote it how. */
function accountName(text = ""): string {
  const lower = text.trim().toLowerCase();
  const plain = lower.replace(/[^a-z0-9_-]+/g, "-").replace(/^-+|-+$/g, "");
  const name = accountForm.test(lower) ? lower : plain.slice(0, 64);
  return ["", "__proto__", "prototype", "constructor"].includes(name) ? "default" : name;
}

const isAllAccounts = (text: string | undefined): boolean => text?.trim() === "*";

/** The route's identity, its account aside. */
const identityOf = ({ channel, peer, guildId, teamId, roles }: RouteMatch): string =>
  JSON.stringify([
    channelName(channel),
    peer?.kind ?? "",
    peer?.id ?? "",
    guildId ?? "",
    teamId ?? "",
    [...(roles ?? [])].sort().join(","),
  ]);

/** A route without an account is the account `default`'s. */
const keyOf = (match: RouteMatch): string =>
  JSON.stringify([identityOf(match), isAllAccounts(match.accountId) ? "*" : accountName(match.accountId)]);

const isRoute = (binding: AgentBinding): boolean => (binding.type ?? "route") === "route";

/** Narrower routes (to one peer, one guild) have no short form, and are not shown. */
const textOf = ({ match }: AgentBinding): string | undefined => {
  if (identityOf(match) !== identityOf({ channel: match.channel })) return undefined;
  return match.accountId ? `${match.channel}:${match.accountId}` : match.channel;
};

/** Routes in their short form, `channel` or `channel:account`; narrower ones are left out. */
export const bindingsOf = (config: OpenClawConfig, agentId: string): string[] =>
  (config.bindings ?? [])
    .filter((one) => isRoute(one) && one.agentId === agentId)
    .map(textOf)
    .filter((text) => text !== undefined);

/** Whether the configuration calls a channel so. */
export const isNamed = ({ channels, bindings = [] }: OpenClawConfig, channel: string): boolean =>
  [...Object.keys(channels ?? {}), ...bindings.map(({ match }) => match.channel)]
    .map(channelName)
    .includes(channelName(channel));

/** The agent that an account speaks for: that of its own route, or of the one for all accounts of the channel. */
export function speakerOf(config: OpenClawConfig, channel: string, account: string | undefined): string | undefined {
  const routes = (config.bindings ?? []).filter(
    (one) => isRoute(one) && textOf(one) !== undefined && channelName(one.match.channel) === channelName(channel),
  );
  const isAll = ({ match }: AgentBinding) => isAllAccounts(match.accountId);
  const own = routes.find((one) => !isAll(one) && accountName(one.match.accountId) === accountName(account));
  return (own ?? routes.find(isAll))?.agentId;
}

/** @throws Problem `binding_taken` where one of them is another agent's */
export function refuseTaken(config: OpenClawConfig, agentId: string, bindings: readonly string[]): void {
  const owners = new Map((config.bindings ?? []).filter(isRoute).map((one) => [keyOf(one.match), one.agentId]));
  for (const binding of bindings) {
    const owner = owners.get(keyOf(matchOf(binding)));
    if (owner === undefined || owner === agentId) continue;
    throw bindingTaken(binding);
  }
}

/**
 * Adds the bindings as OpenClaw's own command does: a route of the agent's without an account is made the account's.
 * @throws Problem `binding_taken`, with the draft untouched
 */
export function addBindings(draft: OpenClawConfig, agentId: string, wanted: readonly string[]): BindResult {
  const bindings = [...new Set(wanted)];
  refuseTaken(draft, agentId, bindings);
  const result: BindResult = { added: [], updated: [], skipped: [], conflicts: [] };
  const there = draft.bindings ?? [];
  const routes = [...there];
  for (const binding of bindings) {
    const match = matchOf(binding);
    if (routes.some((one) => isRoute(one) && keyOf(one.match) === keyOf(match))) {
      result.skipped.push(binding);
      continue;
    }
    // One that is asked for here as well stays.
    const general = match.accountId === undefined ? -1 : there.findIndex((one) => isGeneralOf(one, agentId, match));
    if (general === -1) routes.push({ type: "route", agentId, match });
    else routes[general] = { ...routes[general]!, match: { ...routes[general]!.match, accountId: match.accountId! } };
    (general === -1 ? result.added : result.updated).push(binding);
  }
  if (result.added.length + result.updated.length > 0) draft.bindings = routes;
  return result;
}

const isGeneralOf = (one: AgentBinding, agentId: string, match: RouteMatch): boolean =>
  isRoute(one) && one.agentId === agentId && !one.match.accountId && identityOf(one.match) === identityOf(match);

/** The agent and everything that leads to it: a reference to an agent that is gone makes the file invalid. */
export function dropAgent(draft: OpenClawConfig, agentId: string): void {
  delete draft.agents?.entries?.[agentId];
  if (draft.bindings) draft.bindings = draft.bindings.filter((one) => one.agentId !== agentId);
  for (const entry of Object.values(draft.agents?.entries ?? {})) {
    const allowed = entry.subagents?.allowAgents;
    if (allowed) entry.subagents!.allowAgents = allowed.filter((one) => one !== agentId);
  }
}
