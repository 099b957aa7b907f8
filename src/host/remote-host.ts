import { noneAnswers } from "../domain/none-answers.ts";
import { profileIdFor } from "../domain/profile-id.ts";
import { GatewayUntouched, Problem } from "../errors.ts";
import type { AgentHost, HostAgent, HostAsked, HostCreate } from "../ports.ts";
import type { AdoptAgent } from "../schema/adopt-agent.ts";
import type { CreateAgent } from "../schema/create-agent.ts";
import type { OnboardAgent } from "../schema/onboard-agent.ts";
import { answerOf, isAbsent, twice } from "./changed.ts";
import { createOutcomes, isUndone, mayBeDone } from "./create-outcomes.ts";
import type { Gateway } from "./gateway.ts";
import { stepProblem } from "./gateway-problem.ts";
import { adoptionFor, authFor, requestFor } from "./gateway-requests.ts";
import { type AnyGatewaySettings, type GatewaysTools, openGateways } from "./gateways.ts";
import { readRemoteAgents } from "./read-remote-agents.ts";
import { splitBindings } from "./split-bindings.ts";
import { parseWorkspaceText } from "./workspace-text.ts";

/** The gateways of the settings, in their order. */
export interface RemoteHostOptions extends GatewaysTools {
  gateways: readonly AnyGatewaySettings[];
}

export interface RemoteHost extends AgentHost {
  readonly kind: "remote";
  /** `workspace` and `agentDir`: where the gateway put it. */
  create(
    agent: HostCreate,
  ): Promise<
    Awaited<ReturnType<AgentHost["create"]>> & { workspace?: string | undefined; agentDir?: string | undefined }
  >;
}

/**
 * Agents on other instances of this API. A request to a gateway carries the operation's id as its `Idempotency-Key`, so
 * that a repetition is never a second agent.
 *
 * @throws Problem `host_unavailable` for settings that leave nothing to work with
 */
export function createRemoteHost(options: RemoteHostOptions): RemoteHost {
  const gateways = openGateways(options.gateways, options);
  const outcomes = createOutcomes<CreateAgent>();
  const adoptions = createOutcomes<AdoptAgent>();
  // Longer than it is waited for: what is told of it are paths, which it has once it is durable.
  const waitSeconds = Math.ceil(options.timeoutMs / 1_000) + 1;

  async function gatewayOf(agent: Parameters<typeof gateways.of>[0]): Promise<Gateway> {
    await gateways.found();
    return gateways.of(agent);
  }

  const create = async (gateway: Gateway, body: CreateAgent, idempotencyKey: string, respondAsync: boolean) =>
    await gateway.change((client, signal) =>
      client.agents.create(body, {
        idempotencyKey,
        respondAsync,
        waitSeconds: respondAsync ? waitSeconds : undefined,
        signal,
      }),
    );

  const adopt = async (gateway: Gateway, agentId: string, body: AdoptAgent, idempotencyKey: string) =>
    await gateway.change((client, signal) => client.agents.adopt(agentId, body, { idempotencyKey, signal }));

  async function onboard(agent: HostAgent, body: OnboardAgent): Promise<void> {
    const gateway = await gatewayOf(agent);
    const { errors } = answerOf(
      await gateway.change(
        (client, signal) => client.agents.onboard(agent.agentId, body, { signal, ...meant(agent) }),
        { agent },
      ),
    );
    if (errors[0]) throw stepProblem(gateway.id, errors[0]);
  }

  const setCredential: AgentHost["setCredential"] = async (agent, credential, model) => {
    const auth = { ...authFor(credential), ...(model !== undefined && { model }) };
    await onboard(agent, { steps: ["auth"], auth });
    return profileIdFor(credential.provider);
  };

  /** Whether there is something of this operation's to remove. */
  async function isThere(gateway: Gateway, agentId: string, operationId: string, asked?: HostAsked): Promise<boolean> {
    const again = (body: CreateAgent) => create(gateway, body, operationId, true);
    if (!(await mayBeDone(outcomes, operationId, asked && requestFor(asked), again))) return false;
    const found = await gateway.change((client, signal) => client.agents.get(agentId, { signal }));
    if (isAbsent(found)) return false;
    // An operation of ours made a managed agent; one made by hand since then is not its to remove.
    return answerOf(found).managed || operationId === "";
  }

  return {
    kind: "remote",
    storesCredentials: true,
    setCredential,
    ...readRemoteAgents(gateways),
    requireGateway: (agent) => void gateways.of(agent),

    gateways: { known: gateways.all, found: gateways.found, look: gateways.look },

    async plan({ workspace, gateway, confinement }) {
      if (workspace !== undefined) parseWorkspaceText(workspace);
      await gateways.found();
      return { gateway: gateways.wanted(gateway).id, confinement, ...(workspace !== undefined && { workspace }) };
    },

    async create(agent) {
      const gateway = await gatewayOf(agent);
      const asked = requestFor(agent);
      const body = agent.credential ? { ...asked, auth: authFor(agent.credential) } : asked;
      const answer = await create(gateway, body, agent.operationId, !agent.awaitReady);
      if (answer.outcome !== "done") {
        const undone = isUndone(outcomes, agent.operationId, answer);
        outcomes.note(agent.operationId, undone ? "undone" : { asked });
        if (undone) gateway.expect(-1);
        throw undone && isElsewhere(answer.problem) ? new GatewayUntouched(answer.problem) : answer.problem;
      }
      outcomes.clear(agent.operationId);
      const { agentId, bindings, status, workspace, agentDir, confinement } = answer.value;
      if (agentId !== agent.agentId) {
        // If it is one: an answer that went astray is another creation's.
        await gateway.change((client, signal) =>
          client.agents.delete(agentId, everything, { signal, ...meant(agent) }),
        );
        throw new Problem(
          "gateway_failed",
          `The gateway "${gateway.id}" calls the agent "${agentId}"; is it of another version?`,
        );
      }
      return {
        // Which of it was there before, the gateway remembers, and asks itself on a removal.
        workspaceCreated: true,
        ...(agent.credential && { profileId: profileIdFor(agent.credential.provider) }),
        bindings,
        ...(status === "starting" && { starting: true }),
        workspace,
        agentDir,
        confinement,
      };
    },

    async remove({ agentId, operationId, asked, ...agent }, what) {
      const gateway = await gatewayOf({ agentId, ...agent });
      if (!(await isThere(gateway, agentId, operationId, asked))) return { deleted: [], preserved: [] };
      const body = { deleteWorkspace: what.workspace, deleteSessions: what.sessions };
      const at = meant({ operationId });
      const removed = await twice((repeated) =>
        gateway.change((client, signal) => client.agents.delete(agentId, body, { signal, ...at }), { repeated }),
      );
      // No more is known of an agent that was there, and whose removal lost its answer.
      if (isAbsent(removed)) return { deleted: ["entry"], preserved: [] };
      const { deleted, preserved } = answerOf(removed);
      gateway.expect(-1);
      return { deleted, preserved };
    },

    async planAdoption({ agent, key, ...asked }) {
      const keyFor = key && { provider: key.provider, baseUrl: key.baseUrl, metered: key.metered };
      const body = { ...adoptionFor({ ...asked, ...asked.hold }), ...(keyFor && { keyFor }), dryRun: true };
      const gateway = await gatewayOf(agent);
      const { changes = [] } = answerOf(
        await gateway.change((client, signal) => client.agents.adopt(agent.agentId, body, { signal })),
      );
      return changes;
    },

    async adopt({ agent, operationId, credential, model, ...asked }) {
      const gateway = await gatewayOf(agent);
      // The model is one of the key's, and comes with it.
      const body = adoptionFor({ ...asked, ...asked.hold, model: credential ? undefined : model });
      const answer = await adopt(gateway, agent.agentId, body, operationId);
      if (answer.outcome !== "done") {
        adoptions.note(operationId, isUndone(adoptions, operationId, answer) ? "undone" : { asked: body });
        throw answer.problem;
      }
      adoptions.clear(operationId);
      const { confinement } = answer.value;
      if (!credential) return { model: answer.value.model, confinement };
      const profileId = await setCredential({ ...agent, operationId }, credential, model);
      const now = answerOf(await gateway.change((client, signal) => client.agents.get(agent.agentId, { signal })));
      return { profileId, model: now.model, confinement };
    },

    async release({ agentId, operationId, asked, ...agent }) {
      const gateway = await gatewayOf({ agentId, ...agent });
      const again = (body: AdoptAgent) => adopt(gateway, agentId, body, operationId);
      if (!(await mayBeDone(adoptions, operationId, asked && adoptionFor(asked), again))) return;
      const at = meant({ operationId });
      const released = await twice((repeated) =>
        gateway.change((client, signal) => client.agents.release(agentId, { signal, ...at }), { repeated }),
      );
      if (!isAbsent(released)) answerOf(released);
    },

    async dropCredential(agent, provider) {
      await onboard(agent, { steps: ["auth"], auth: { provider, remove: true } });
    },

    async bind(agent, bindings) {
      const result = splitBindings(agent.bindings, bindings);
      await onboard(agent, { steps: ["bindings"], bindings: [...new Set(bindings)] });
      return result;
    },

    async update(agent, { identity, ...change }) {
      if (Object.keys(change).length > 0) {
        const gateway = await gatewayOf(agent);
        const at = meant(agent);
        answerOf(
          await gateway.change((client, signal) => client.agents.update(agent.agentId, change, { signal, ...at }), {
            agent,
          }),
        );
      }
      if (identity) await onboard(agent, { steps: ["identity"], identity });
    },

    async check() {
      const answers = await Promise.all((await gateways.found()).map((gateway) => gateway.recount()));
      if (!answers.includes(true)) throw noneAnswers();
    },
  };
}

/** The agent that this creation made, by the key that it made it with: not one that is made anew since. */
const meant = ({ operationId }: Pick<HostAgent, "operationId">): { madeWith?: string } =>
  operationId ? { madeWith: operationId } : {};

/** Another gateway may do it. */
const isElsewhere = ({ code }: Problem): boolean =>
  code === "gateway_failed" || code === "gateway_full" || code === "gateway_cordoned";

const everything = { deleteWorkspace: true, deleteSessions: true };
