import type { LabelMap } from "../domain/labels.ts";

/** A gateway that agents can be placed on. */
export interface HostGateway {
  readonly id: string;
  readonly labels: LabelMap | undefined;
  readonly maxAgents: number | undefined;
  /** Whether it answered when it was last asked; before that, true. */
  readonly isReachable: boolean;
  /** Whether it was too slow to answer when it was last asked, as OpenClaw is during a reload: not one that is gone. */
  readonly isStalled: boolean;
  /** Whether its agents were ever counted. */
  readonly isCounted: boolean;
  /** How many agents it has, as far as is known: as counted last, and those that were placed there since. */
  readonly agents: number;
  /** The agents that it had when it was last counted, whoever made them; another set after each count. */
  readonly agentIds: ReadonlySet<string>;
  /** Notes agents that come or go between counts. */
  expect(difference: number): void;
  /** Counts its agents, unless that was done within `ageMs`; resolves to whether it answers. */
  recount(ageMs?: number): Promise<boolean>;
  /** As it describes itself; `undefined` where it does not answer, or is of an earlier release. */
  describe(): Promise<GatewayOwnWords | undefined>;
}

/** The gateways of a host that has several. */
export interface HostGateways {
  /** Those that are known now; none is asked. */
  known(): readonly HostGateway[];
  /** The same, once those behind a name of DNS were looked for. */
  found(): Promise<readonly HostGateway[]>;
  /** The same, each counted within the last ten seconds or found silent; where all were silent, they are waited for. */
  look(): Promise<readonly HostGateway[]>;
}

/** A gateway says this of itself. */
export interface GatewayOwnWords {
  version?: string | undefined;
  host?: string | undefined;
  cordoned: boolean;
  lastReload?: Reload | undefined;
}

/** A change of the configuration that OpenClaw took up. */
export interface Reload {
  /** When it was taken up, as an ISO time. */
  at: string;
  /** From the write until it was. */
  ms: number;
}
