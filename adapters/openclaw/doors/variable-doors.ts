import type { OpenDoor } from "../../../src/ports.ts";
import { holdsVariable } from "../config-entries.ts";
import type { OpenClawConfig } from "../openclaw-config.ts";

/**
 * Agents that OpenClaw shows a variable of the gateway's for: release 1.0.0 wrote names as callers gave them.
 * @param authored with the variables that the file names
 */
export function variableDoors(authored: OpenClawConfig, isMadeHere: (agentId: string) => boolean): OpenDoor[] {
  return Object.entries(authored.agents?.entries ?? {}).flatMap(([agentId, { name, identity = {} }]) => {
    const door = (setting: string, command: string): OpenDoor => ({
      agentId,
      setting,
      detail: `the ${setting} of the agent "${agentId}" holds a variable of the gateway's, whose value, which may be a secret, is shown`,
      remedy: `\`agents ${command} '<text>'\` writes another, and a variable in it as text`,
    });
    const doors = [
      ...(holdsVariable(name) ? [door("name", `update ${agentId} --name`)] : []),
      ...Object.entries(identity)
        .filter(([, text]) => holdsVariable(text))
        .map(([part]) => door(`identity.${part}`, `onboard ${agentId} --identity-${part}`)),
    ];
    return doors.length > 0 && isMadeHere(agentId) ? doors : [];
  });
}
