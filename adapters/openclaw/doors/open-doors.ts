import { Problem } from "../../../src/errors.ts";
import type { OpenDoor } from "../../../src/ports.ts";
import type { Confinement } from "../../../src/schema/agent-fields.ts";
import type { ProvisioningSettings } from "../../../src/settings/provisioning-settings.ts";
import type { OpenClawConfig } from "../openclaw-config.ts";
import { entryDoors } from "./entry-doors.ts";
import { holdIn } from "./held-entry.ts";
import { type UnmeteredSetting, unmeteredSettings } from "./model-settings.ts";

export type OpenClawSettings = ProvisioningSettings["host"]["openclaw"];

/** Settings that lead agents of this confinement around their own keys: an agent with every tool has more of them. */
const settingsFor = (config: OpenClawConfig, { unmetered }: OpenClawSettings, confinement: Confinement) =>
  unmeteredSettings(config, unmetered, confinement === "trusted" ? ["host", "tool"] : ["host"]);

const acceptance = (setting: string): string =>
  `accept it: "gateway": {"provisioning": {"host": {"openclaw": {"unmetered": ["${setting}"]}}}} in config.json`;

const waysOut = (setting: string): string => `unset it in openclaw.json, or ${acceptance(setting)}`;

const settingDoor = ({ setting, model }: UnmeteredSetting): OpenDoor => ({
  setting,
  detail: `${setting} is "${model.slice(0, 100)}": agents call that model with the gateway's key, past their quotas`,
  remedy: waysOut(setting),
});

const weeklyReview: OpenDoor = {
  setting: "skills.workshop.autonomous.mode",
  detail: "OpenClaw reviews each agent's skills once a week: a turn that nobody asked for, on the agent's quota",
  remedy:
    'set "gateway": {"provisioning": {"host": {"openclaw": {"unattended": "off"}}}} in config.json, which ends it for all agents of the gateway, or "on" to keep it',
  isNotice: true,
};

/** OpenClaw takes any key that the gateway has where nothing says with which. No tool stands before it. */
function mediaNotices({ tools }: OpenClawConfig, { unmetered }: OpenClawSettings): OpenDoor[] {
  const { media } = tools ?? {};
  const isSaid = (kind: string) => media?.models?.some(({ capabilities }) => capabilities?.includes(kind)) === true;
  return (["audio", "video"] as const).flatMap((kind) => {
    const setting = `tools.media.${kind}.enabled`;
    if (media?.[kind]?.enabled === false || isSaid(kind) || unmetered.includes(setting)) return [];
    const detail = `${kind} that somebody sends to an agent is put into words with the gateway's key, if it has one for that`;
    return [
      {
        setting,
        detail,
        remedy: `set ${setting} to false in openclaw.json, or ${acceptance(setting)}`,
        isNotice: true,
      },
    ];
  });
}

/** Variables of a place or a terminal, which hold no key. */
const harmlessVariable = /^(LANG|LC_[A-Z]+|TZ|TERM)$/;

/** Variables and mounts of every sandbox, keys among them. An agent's entry can add to them, and take none away. */
function sandboxDoors({ agents }: OpenClawConfig, { unmetered }: OpenClawSettings): OpenDoor[] {
  const { sandbox } = (agents?.defaults ?? {}) as {
    sandbox?: { docker?: { env?: Record<string, string>; binds?: string[] } };
  };
  const { env = {}, binds = [] } = sandbox?.docker ?? {};
  const given = { env: Object.keys(env).filter((name) => !harmlessVariable.test(name)), binds };
  return (["env", "binds"] as const).flatMap((name) => {
    const setting = `agents.defaults.sandbox.docker.${name}`;
    if (given[name].length === 0 || unmetered.includes(setting)) return [];
    const detail = `${setting} gives ${given[name].join(", ").slice(0, 100)} to the programs of every sandboxed agent`;
    return [{ setting, detail, remedy: waysOut(setting) }];
  });
}

/** @throws Problem `setting_unmetered` */
export function refuseUnmetered(config: OpenClawConfig, settings: OpenClawSettings, confinement: Confinement): void {
  const [given] = confinement === "sandbox" ? sandboxDoors(config, settings) : [];
  if (given) {
    throw new Problem("setting_unmetered", `OpenClaw's ${given.detail}: this one too. Either ${given.remedy}.`);
  }
  const [found] = settingsFor(config, settings, confinement);
  if (!found) return;
  throw new Problem(
    "setting_unmetered",
    `OpenClaw's ${found.setting} is "${found.model.slice(0, 100)}", which every agent of this gateway calls with the ` +
      `gateway's key: this one's quota would not hold. Either ${waysOut(found.setting)}.`,
  );
}

/**
 * The settings that lead agents made here around their own keys, or out of the hold on them.
 * @param holderOf what is known of an agent that has been given something here
 */
export function openDoors(
  config: OpenClawConfig,
  settings: OpenClawSettings,
  holderOf: (agentId: string) => { madeHere: boolean; hasKey: boolean } | undefined,
): OpenDoor[] {
  const doors: OpenDoor[] = [];
  let isTrusting = false;
  let isSandboxing = false;
  let any = false;
  for (const [agentId, entry] of Object.entries(config.agents?.entries ?? {})) {
    const holder = holderOf(agentId);
    if (!holder?.madeHere) continue;
    any = true;
    const confinement = holdIn(entry, agentId)?.confinement;
    isTrusting ||= confinement === "trusted";
    isSandboxing ||= confinement === "sandbox";
    for (const setting of entryDoors(entry, agentId, holder.hasKey, config)) {
      doors.push({
        agentId,
        setting,
        detail: `the entry of the agent "${agentId}" leaves ${setting} open`,
        remedy: `\`agents confine ${agentId}\` closes it`,
      });
    }
  }
  if (!any) return doors;
  if (settings.unattended === undefined && (config.skills?.workshop?.autonomous?.mode ?? "auto") === "auto") {
    doors.push(weeklyReview);
  }
  doors.push(...mediaNotices(config, settings));
  if (isSandboxing) doors.push(...sandboxDoors(config, settings));
  return [...settingsFor(config, settings, isTrusting ? "trusted" : "workspace").map(settingDoor), ...doors];
}
