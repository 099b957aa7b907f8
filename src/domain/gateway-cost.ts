/** From this many agents on, an OpenClaw gateway is slow to take up a change. */
const manyAgents = 100;

/**
 * OpenClaw 2026.9.6 on two cores: it rebuilds all agents at each change of its configuration. Measured with
 * `bench/openclaw.ts` and its table in docs/fleets.md.
 */
const gatewayCosts = [
  { agents: 25, createSeconds: 1.8, gigabytes: "2.2" },
  { agents: 100, createSeconds: 5.6, gigabytes: "3.0" },
  { agents: 200, createSeconds: 11.6, gigabytes: "3.4 to 4.2" },
] as const;

/** The table as one line. */
const gatewayCostText = gatewayCosts
  .map(
    ({ agents, createSeconds, gigabytes }) =>
      `at ${agents} agents a create takes ${createSeconds} s and the gateway ${gigabytes} GB`,
  )
  .join("; ");

/** As much of a gateway as the doctor judges it by. */
interface Loaded {
  id: string;
  reachable: boolean;
  host?: string | undefined;
  agents: number;
  room?: number | undefined;
  cordoned: boolean;
}

export type GatewaysFinding = { status: "ok"; detail: string } | { status: "warning"; detail: string; remedy: string };

/** Whether the gateways answer and have room, and none of OpenClaw more agents than it takes with ease. */
export function gatewaysFinding(gateways: readonly Loaded[]): GatewaysFinding {
  const names = (some: readonly Loaded[]): string => some.map(({ id, agents }) => `${id} (${agents})`).join(", ");
  const isOpenClaw = ({ host }: Loaded): boolean => host === undefined || host === "openclaw";
  const crowded = gateways.filter((one) => isOpenClaw(one) && one.agents > manyAgents);
  if (crowded.length > 0) {
    const detail = `more than ${manyAgents} agents on ${names(crowded)}: ${gatewayCostText}`;
    return { status: "warning", detail, remedy: `add a gateway, and set maxAgents of each to ${manyAgents} or less` };
  }
  const takes = gateways.filter(({ reachable, cordoned, room }) => reachable && !cordoned && room !== 0);
  if (gateways.length > 0 && takes.length === 0) {
    const remedy = "add a gateway, start one that is silent, raise maxAgents, or `gateways uncordon` one";
    return { status: "warning", detail: `none takes another agent: ${names(gateways)}`, remedy };
  }
  const silent = gateways.filter(({ reachable }) => !reachable);
  if (silent.length > 0) {
    const remedy = "start those gateways, or correct their entries under gateway.provisioning.host.gateways";
    return { status: "warning", detail: `no answer from ${names(silent)}`, remedy };
  }
  return { status: "ok", detail: `${takes.length} of ${gateways.length} take agents: ${names(gateways)}` };
}
