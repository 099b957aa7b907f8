import type { AgentHost, OpenDoor } from "../../ports.ts";
import type { Context } from "../context.ts";

const known = new WeakMap<AgentHost, Map<string, OpenDoor>>();

const nameOf = ({ setting, agentId }: OpenDoor): string => `${agentId ?? ""} ${setting}`;

/** Doors that opened since the last look go into the log; those that are open now, into the metrics. */
export async function watchDoors({ host, metrics, log }: Context): Promise<void> {
  if (!host.openDoors) return;
  const open = (await host.openDoors()).filter((door) => !door.isNotice);
  const before = known.get(host) ?? new Map<string, OpenDoor>();
  const now = new Map(open.map((door) => [nameOf(door), door]));
  known.set(host, now);
  for (const [name, { detail, remedy, agentId, setting }] of now) {
    if (!before.has(name)) log("warn", "an agent's door is open", { agentId, setting, detail, remedy });
  }
  const counts = new Map([...before.values(), ...open].map(({ setting }) => [setting, 0]));
  for (const { setting } of open) counts.set(setting, counts.get(setting)! + 1);
  for (const [setting, count] of counts) metrics.gauge("openclaw_open_doors", count, { setting });
}
