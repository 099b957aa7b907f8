import { isProblem, Problem } from "../../errors.ts";
import type { AgentOnboarded, OnboardAgent, onboardSteps } from "../../schema/onboard-agent.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { acquireBindings } from "../operations/exclusive-resources.ts";
import { saveAgent } from "../state/agent-record.ts";
import { type KnownAgent, knownFrom } from "../state/find-agent.ts";
import { type ChangeLease, changeAgent } from "./change-agent.ts";
import { givenCredential, requireStoredCredentials } from "./given-credential.ts";

type Step = (typeof onboardSteps)[number];

/** Each step stands alone: one that fails is reported, and the others are still done. */
export async function onboardAgent(
  context: Context,
  caller: Caller,
  agentId: string,
  body: OnboardAgent,
): Promise<AgentOnboarded> {
  const steps = [...new Set(body.steps)];
  const change = { action: "agent.onboard", agentId, details: { steps }, spends: true };
  return await changeAgent(context, caller, change, async (found, outcome, lease) => {
    context.host.requireGateway?.(found);
    let agent = found;
    const result: AgentOnboarded = { agentId, completed: [], failed: [], errors: [] };
    for (const step of steps) {
      try {
        await lease.hold();
        agent = await runStep(context, agent, step, body, lease);
        result.completed.push(step);
      } catch (error) {
        // A store that is full or gone fails the whole call; what one step may not do fails the step.
        if (!isProblem(error) || error.status >= 500) {
          // The host may have what the record does not; of bindings, that stays in doubt.
          if (step !== "bindings") lease.leave();
          throw error;
        }
        result.failed.push(step);
        result.errors.push({ step, code: error.code, message: error.message });
        // Its record may tell by now what is in doubt of the step; the next one must not write over that.
        const record = await context.records.get("agents", agentId);
        if (record) agent = knownFrom(record);
      }
    }
    outcome.completed = result.completed;
    outcome.failed = result.failed;
    return result;
  });
}

async function runStep(
  context: Context,
  agent: KnownAgent,
  step: Step,
  body: OnboardAgent,
  lease: ChangeLease,
): Promise<KnownAgent> {
  switch (step) {
    case "auth":
      return await setAuth(context, agent, body.auth!);
    case "bindings":
      return await addBindings(context, agent, body.bindings!, lease);
    case "identity":
      return await update(context, agent, { identity: { ...agent.identity, ...body.identity } });
    case "model":
      return await update(context, agent, { model: body.model! });
  }
}

async function setAuth(
  context: Context,
  agent: KnownAgent,
  auth: NonNullable<OnboardAgent["auth"]>,
): Promise<KnownAgent> {
  requireStoredCredentials(context);
  const { provider, credentials, model } = auth;
  if (!credentials) return await dropAuth(context, agent, provider);
  await context.host.setCredential(agent, givenCredential(context, { ...auth, credentials }), model);
  const used = model === undefined ? {} : { model };
  const known = await remember(context, agent, (record) => ({
    ...record,
    ...used,
    credentials: [...new Set([...record.credentials, provider])],
  }));
  return { ...known, ...used };
}

/** @throws Problem `invalid_body` for the agent's own AI key */
async function dropAuth(context: Context, agent: KnownAgent, provider: string): Promise<KnownAgent> {
  const { agentId, record } = agent;
  if (record?.aiKeyId !== undefined && record.aiKeyProvider === provider) {
    throw new Problem(
      "invalid_body",
      `The credential of "${provider}" is the agent's own AI key: \`agents ai-key remove ${agentId}\` takes it away.`,
    );
  }
  await context.host.dropCredential(agent, provider);
  return await remember(context, agent, (before) => ({
    ...before,
    credentials: before.credentials.filter((one) => one !== provider),
  }));
}

async function addBindings(
  context: Context,
  agent: KnownAgent,
  wanted: string[],
  lease: ChangeLease,
): Promise<KnownAgent> {
  const { agentId, gateway, record } = agent;
  const bindings = [...new Set(wanted)];
  const inDoubt = record?.bindingsInDoubt ?? [];
  const added = bindings.filter((one) => !agent.bindings.includes(one) && !inDoubt.includes(one));
  const leave = added.length > 0 ? await lease.intend({ bindings: added, gateway }) : () => undefined;
  const all = [...new Set([...agent.bindings, ...bindings])];
  const left = inDoubt.filter((one) => !all.includes(one));
  const bindingsInDoubt = left.length > 0 ? left : undefined;
  const creation = record?.operationId ?? "";
  return await acquireBindings(context, { agentId, creation, gateway, bindings }, { added, leave }, async () => {
    await context.host.bind(agent, bindings);
    const known = await remember(context, agent, (before) => ({ ...before, bindings: all, bindingsInDoubt }));
    return { ...known, bindings: all };
  });
}

async function update(
  context: Context,
  agent: KnownAgent,
  change: Parameters<Context["host"]["update"]>[1],
): Promise<KnownAgent> {
  await context.host.update(agent, change);
  return { ...(await remember(context, agent, (record) => ({ ...record, ...change }))), ...change };
}

/** Agents that others made have no record of ours to keep in step. */
async function remember(
  context: Context,
  agent: KnownAgent,
  change: (record: NonNullable<KnownAgent["record"]>) => NonNullable<KnownAgent["record"]>,
): Promise<KnownAgent> {
  return agent.record ? { ...agent, record: await saveAgent(context, change(agent.record)) } : agent;
}
