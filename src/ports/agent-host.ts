import type { Confinement } from "../domain/confinement.ts";
import type { Identity } from "../domain/identity.ts";
import type { HostGateways, Reload } from "./host-gateways.ts";

/** A key for one provider, in the clear, as a host stores it for an agent. */
export interface Credential {
  /** Anthropic, openai, ..., or a custom provider's slug. */
  provider: string;
  apiKey: string;
  /** The address to which that provider's SDK is to send its requests; absent: the provider's own address. */
  baseUrl?: string | undefined;
  /** The key is one of ours and works through our proxy only. */
  metered: boolean;
}

/** The places that `AgentHost.plan` decided on; nothing is made there yet. */
export interface HostPlan {
  /** The gateway chosen, on a host that has several. */
  gateway?: string;
  /** Absolute, symlinks resolved; absent where the host keeps no workspace. */
  workspace?: string;
  agentDir?: string;
  /** The confinement that the agent will have, on a host that decides it. */
  confinement?: Confinement | undefined;
}

/** An agent may do this where it runs. */
export interface HostHold {
  confinement?: Confinement | undefined;
  /** Tools beyond those of the confinement. */
  tools?: string[] | undefined;
  /** Agents whose sessions it may reach, if they name it too. */
  peers?: string[] | undefined;
}

/** An agent as its host has it, or is to change it. */
export interface HostAgent extends HostHold {
  agentId: string;
  /** The creation that made it, where one of ours did: a change to it changes no other's. */
  operationId?: string | undefined;
  /** Whether the change that asks may go on: to be asked at the last moment, where the host can do both at once. */
  isCurrent?: (() => Promise<boolean>) | undefined;
  name: string;
  workspace?: string | undefined;
  agentDir?: string | undefined;
  model?: string | undefined;
  identity?: Identity | undefined;
  bindings: string[];
  gateway?: string | undefined;
}

/** The wish for one agent, complete: a retry sends the same. */
export interface HostCreate extends HostAgent {
  skipBootstrap: boolean;
  credential?: Credential | undefined;
  /** The same for every retry of one creation. */
  operationId: string;
  /** Its key is held to a quota: a setting of the host that leads around the key is a 409. */
  heldToQuota?: boolean | undefined;
  /** Whether to resolve only once the agent answers (a gateway's reload), or as soon as it is durable. */
  awaitReady: boolean;
}

/** An agent that others made is to be taken over like this. */
export interface HostAdoption {
  /** As the host has it. */
  agent: HostAgent;
  /** The same for every retry of one adoption. */
  operationId: string;
  /** Absent: its own, as its new key's provider calls it, or that provider's default. */
  model?: string | undefined;
  /** Asked for; by default it is trusted, and keeps the tools that it has. */
  hold: HostHold;
  /** The provider of the key that it gets: enough to say what changes. */
  key?: Omit<Credential, "apiKey"> | undefined;
  credential?: Credential | undefined;
  heldToQuota?: boolean | undefined;
}

/** A change to one setting of an agent's entry, both sides as JSON; absent: not set. */
export interface SettingChange {
  setting: string;
  before?: string | undefined;
  after?: string | undefined;
}

/** A creation asked this of a host whose answer nobody remembers. */
export type HostAsked = Pick<
  HostCreate,
  "name" | "workspace" | "model" | "identity" | "bindings" | "skipBootstrap" | "heldToQuota" | keyof HostHold
>;

/** Each binding of a request stands in one of the four lists. */
export interface BindResult {
  added: string[];
  updated: string[];
  skipped: string[];
  conflicts: { binding: string; agentId: string }[];
}

export interface HostHealth {
  reachable: boolean;
  workspace: "ok" | "missing" | "unknown";
  agentDir: "ok" | "missing" | "unknown";
  credentials: "ok" | "missing" | "unknown";
  /** It is durable, though not yet answering. */
  starting?: boolean;
  detail?: string;
}

/** Something that leads around an agent's own key or out of its confinement. */
export interface OpenDoor {
  /** The agent whose entry it is; absent: a setting of the host. */
  agentId?: string;
  /** Such as `agents.defaults.compaction.model`. */
  setting: string;
  detail: string;
  remedy: string;
  /** Asks for a look: it costs quota, and leads around nothing. */
  isNotice?: boolean;
}

/** Something that a process that was killed left in the host's way. */
export interface LeftBehind {
  detail: string;
  remedy: string;
  mend(): void;
}

/** The place where agents live. */
export interface AgentHost {
  readonly kind: "directory" | "openclaw" | "remote" | "registry";
  /** Whether a credential can be stored at all. */
  readonly storesCredentials: boolean;
  /**
   * Decides paths and confinement without a side effect; what may not be is a 422, a setting that leads around the key
   * of an agent held to a quota a 409. On a host of several gateways `gateway` is one of them.
   */
  plan(
    request: HostHold & {
      agentId: string;
      heldToQuota?: boolean | undefined;
      workspace?: string | undefined;
      gateway?: string | undefined;
    },
  ): Promise<HostPlan>;
  /**
   * Workspace, agent directory, the credential, then the entry and its bindings. Idempotent for one `operationId`.
   * A binding that another agent of the host has rejects with `binding_taken`, and nothing is changed; a gateway that
   * failed before it did anything, with `GatewayUntouched`.
   */
  create(agent: HostCreate): Promise<{
    workspaceCreated: boolean;
    /** Given where only the host knows them: on another machine. */
    workspace?: string;
    agentDir?: string;
    profileId?: string;
    /** Given where the host decided it. */
    confinement?: Confinement | undefined;
    bindings: BindResult;
    /** The agent is durable, though not yet answering. */
    starting?: boolean;
  }>;
  /**
   * Undoes `create` and everything since; what is not there is not an error. Only what the creation `operationId` made
   * is touched; an empty one stands for others, who made the agent. `asked`: that it may be made yet.
   */
  remove(
    agent: {
      agentId: string;
      workspace?: string | undefined;
      gateway?: string | undefined;
      operationId: string;
      asked?: HostAsked | undefined;
    },
    what: { workspace: boolean; sessions: boolean },
  ): Promise<{ deleted: string[]; preserved: string[] }>;
  /** The changes that `adopt` would make to the agent's entry. Throws what `adopt` would, and does nothing. */
  planAdoption(adoption: HostAdoption): Promise<SettingChange[]>;
  /**
   * Gives an agent that others made the entry of one that was made here, and the credential; its workspace, sessions,
   * identity and bindings stay as they are. Its former entry is remembered until `release`. Idempotent for one `operationId`.
   */
  adopt(adoption: HostAdoption): Promise<{
    profileId?: string | undefined;
    /** Given where the host knows them. */
    model?: string | undefined;
    confinement?: Confinement | undefined;
  }>;
  /**
   * Undoes `adopt` and every change to the entry and the credentials since: exactly what the agent had is there again.
   * Only the adoption `operationId` is undone; an agent that is gone is not made anew. `asked`: that it may be done yet.
   */
  release(agent: {
    agentId: string;
    gateway?: string | undefined;
    operationId: string;
    asked?: HostAsked | undefined;
  }): Promise<void>;
  /**
   * Called by a change that does more than one thing, before the first of them; absent where there are no gateways.
   * @throws Problem `gateway_not_found` where the agent's is not one of the host's any more
   */
  requireGateway?(agent: Pick<HostAgent, "agentId" | "gateway">): void;
  /**
   * Replaces the provider's credential and pins it; resolves to its profile id. With a `model` the agent uses that
   * one from now on, with this key.
   */
  setCredential(agent: HostAgent, credential: Credential, model?: string): Promise<string>;
  /**
   * Takes the provider's credential away. A model that is called with it is kept for the next key; one that is not
   * there is not an error.
   */
  dropCredential(agent: HostAgent, provider: string): Promise<void>;
  bind(agent: HostAgent, bindings: string[]): Promise<BindResult>;
  /** A field that is absent stays. `agent` carries the confinement, tools and peers that it has so far. */
  update(
    agent: HostAgent,
    change: HostHold & { name?: string | undefined; model?: string | undefined; identity?: Identity },
  ): Promise<void>;
  inspect(agent: HostAgent): Promise<HostHealth>;
  /**
   * Agents in ascending order of id, after `cursor` (an id, exclusive). Agents that others made are listed too; those
   * that several gateways have by one id are all on one page.
   * `unreachable` names gateways that did not answer.
   */
  list(page: {
    cursor?: string | undefined;
    limit: number;
  }): Promise<{ agents: HostAgent[]; nextCursor?: string; unreachable: string[] }>;
  /** More than one where several gateways have an agent of this id. `unreachable` ones do not say. */
  find(agentId: string): Promise<{ agents: HostAgent[]; unreachable: string[] }>;
  /** Absent on a host that is itself where agents are. */
  readonly gateways?: HostGateways;
  /** The last reload of a gateway that has one after each change. */
  lastReload?(): Reload | undefined;
  /** The doors that are open now, on a host that runs agents. */
  openDoors?(): Promise<OpenDoor[]>;
  /** Nothing that a process at work may need yet. */
  leftBehind?(): Promise<LeftBehind[]>;
  /** Rejects when the host cannot be used. */
  check(): Promise<void>;
}
