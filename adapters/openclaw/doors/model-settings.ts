import { isAgentsOwn } from "../metered-provider.ts";
import type { OpenClawConfig } from "../openclaw-config.ts";

/**
 * - `entry`: the entry of an agent that is held says it itself.
 * - `tool`: only tools call it that an agent has by name or by trust alone.
 * - `host`: OpenClaw has no form of it for one agent, and calls it for every agent.
 * - `none`: it lets no agent call a model.
 */
export type ModelDecision = "entry" | "tool" | "host" | "none";

/**
 * Every setting of OpenClaw that bears a model, and what keeps an agent's calls from it. `npm run openclaw-doors`
 * compares this with the schema of the installed package: one that a newer OpenClaw brings fails there until it
 * stands here. A `*` is a name of the operator's, `[]` an item of a list.
 */
export const modelSettings: Readonly<Record<string, ModelDecision>> = {
  "agents.defaults.model": "entry",
  "agents.defaults.utilityModel": "entry",
  "agents.defaults.decisionModel": "entry",
  "agents.defaults.modelPolicy": "entry",
  "agents.defaults.subagents.model": "entry",
  "tools.exec.reviewer.model": "entry",
  // OpenClaw refuses such a run by the agent's own policy.
  "hooks.gmail.model": "entry",
  "hooks.mappings.[].model": "entry",
  "memory.search.model": "entry",
  "memory.search.local.modelPath": "entry",
  "memory.search.provider": "entry",

  "agents.defaults.imageModel": "tool",
  "agents.defaults.pdfModel": "tool",
  "agents.defaults.mediaModels": "tool",
  "plugins.entries.llm-task.config.defaultModel": "tool",
  "plugins.entries.google.config.webSearch.model": "tool",
  "plugins.entries.xai.config.webSearch.model": "tool",
  "plugins.entries.xai.config.xSearch.model": "tool",
  "plugins.entries.xai.config.codeExecution.model": "tool",

  "agents.defaults.compaction.model": "host",
  "agents.defaults.compaction.provider": "host",
  "agents.defaults.compaction.memoryFlush.model": "host",
  "agents.defaults.heartbeat.model": "host",
  "agents.defaults.voiceModel": "host",
  // With replies spoken, each of them is an order at the speech provider.
  "tts.auto": "host",
  "tts.enabled": "host",
  "channels.*.tts.auto": "host",
  "channels.*.tts.enabled": "host",
  "channels.*.accounts.*.tts.auto": "host",
  "channels.*.accounts.*.tts.enabled": "host",
  "tts.summaryModel": "host",
  "channels.modelByChannel": "host",
  "channels.clickclack.model": "host",
  "channels.clickclack.accounts.*.model": "host",
  "channels.discord.voice.model": "host",
  "channels.discord.voice.realtime.model": "host",
  "channels.discord.voice.tts.summaryModel": "host",
  "channels.discord.accounts.*.voice.model": "host",
  "channels.discord.accounts.*.voice.realtime.model": "host",
  "channels.discord.accounts.*.voice.tts.summaryModel": "host",
  "channels.feishu.tts.summaryModel": "host",
  "channels.feishu.accounts.*.tts.summaryModel": "host",
  "talk.realtime.model": "host",
  "tools.links.models": "host",
  "tools.media.models": "host",
  "tools.media.image.preferredModel": "host",
  "tools.media.audio.preferredModel": "host",
  "tools.media.video.preferredModel": "host",
  "plugins.entries.active-memory.config.model": "host",
  "plugins.entries.active-memory.config.modelFallback": "host",
  "plugins.entries.memory-core.config.dreaming.model": "host",
  "plugins.entries.memory-core.config.dreaming.execution.defaults.model": "host",
  "plugins.entries.memory-core.config.dreaming.phases.deep.execution.model": "host",
  "plugins.entries.memory-core.config.dreaming.phases.light.execution.model": "host",
  "plugins.entries.memory-core.config.dreaming.phases.rem.execution.model": "host",
  "plugins.entries.logbook.config.visionModel": "host",

  // It takes over from the provider `openai` alone, and from a list of fallbacks; a held agent has neither.
  "agents.defaults.embeddedAgent.cyberFailover.model": "none",
  // Names, parameters and pickers: what is picked is held to the agent's own policy.
  "agents.defaults.models": "none",
  "agents.defaults.modelSelectionScope": "none",
  "agents.defaults.experimental.localModelLean": "none",
  "tts.modelOverrides": "none",
  "channels.discord.voice.tts.modelOverrides": "none",
  "channels.discord.accounts.*.voice.tts.modelOverrides": "none",
  "channels.feishu.tts.modelOverrides": "none",
  "channels.feishu.accounts.*.tts.modelOverrides": "none",
  "channels.reef.guard.pinnedModel": "none",
  "channels.tlon.showModelSignature": "none",
  "channels.tlon.accounts.*.showModelSignature": "none",
  "tools.exec.applyPatch.allowModels": "none",
  "plugins.entries.active-memory.config.modelFallbackPolicy": "none",
  "meta.migrations.modelPolicyAllowlist": "none",
  "meta.migrations.utilityModelSeparation": "none",
  // Declarations of models, and those of them that plugins of the operator's may call.
  models: "none",
  "plugins.entries.*.llm": "none",
  "plugins.entries.*.subagent": "none",

  // The agent's own entry: the operator's word on this one agent, or ours.
  "agents.entries.*.model": "entry",
  "agents.entries.*.utilityModel": "entry",
  "agents.entries.*.decisionModel": "entry",
  "agents.entries.*.modelPolicy": "entry",
  "agents.entries.*.subagents.model": "entry",
  "agents.entries.*.tools.exec.reviewer.model": "entry",
  "agents.entries.*.tts.summaryModel": "entry",
  "agents.entries.*.tts.modelOverrides": "entry",
  "agents.entries.*.memory.search.model": "entry",
  "agents.entries.*.memory.search.local.modelPath": "entry",
  "agents.entries.*.heartbeat.model": "entry",
  "agents.entries.*.models": "none",
  "agents.entries.*.experimental.localModelLean": "none",
  "agents.entries.*.tools.exec.applyPatch.allowModels": "none",
};

/** A setting by which a model is called without the agent's own key. */
export interface UnmeteredSetting {
  /** As it is written in `openclaw.json`. */
  setting: string;
  /** The first model that is none of an agent's own. */
  model: string;
}

function* valuesAt(value: unknown, path: readonly string[], name = ""): Generator<[name: string, value: unknown]> {
  const [step, ...rest] = path;
  if (value === undefined || value === null) return;
  if (step === undefined) yield [name, value];
  else if (typeof value !== "object") return;
  else if (step === "*" || step === "[]") {
    for (const [key, each] of Object.entries(value)) yield* valuesAt(each, rest, `${name}.${key}`);
  } else yield* valuesAt((value as Record<string, unknown>)[step], rest, name === "" ? step : `${name}.${step}`);
}

/** Each text in it that may name a model; of a structure with `provider` and `model`, both together. */
function modelsIn(value: unknown): string[] {
  if (typeof value === "string") return ["", "off"].includes(value.trim()) ? [] : [value.trim()];
  if (typeof value !== "object" || value === null) return [];
  const { primary, fallbacks, provider, model, command, ...others } = value as Record<string, unknown>;
  if (primary !== undefined || fallbacks !== undefined) return [...modelsIn(primary), ...modelsIn(fallbacks)];
  if (provider !== undefined || model !== undefined) {
    return [[provider, model].filter((one) => typeof one === "string").join("/")];
  }
  return command === undefined ? Object.values(others).flatMap(modelsIn) : [];
}

/**
 * The settings through which OpenClaw calls, for any agent, a model that is not the agent's own. Models of our own
 * providers have no key but the agent's.
 *
 * @param decisions which settings to look at: for agents with every tool also those that only tools call
 */
export function unmeteredSettings(
  config: OpenClawConfig,
  accepted: readonly string[],
  decisions: readonly ModelDecision[] = ["host"],
): UnmeteredSetting[] {
  const found: UnmeteredSetting[] = [];
  for (const [path, decision] of Object.entries(modelSettings)) {
    if (!decisions.includes(decision)) continue;
    for (const [setting, value] of valuesAt(config, path.split("."))) {
      if (accepted.includes(setting) || accepted.includes(path)) continue;
      const model = value === true ? "on" : modelsIn(value).find((one) => !isAgentsOwn(one, config));
      if (model !== undefined) found.push({ setting, model });
    }
  }
  return found;
}
