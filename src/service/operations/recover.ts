import { inTurn } from "../../domain/in-turn.ts";
import { isProblem, Problem } from "../../errors.ts";
import type { Abandoned, LedgerName } from "../../ports.ts";
import type { AgentRecord } from "../../schema/agent.ts";
import { agentOperation, recoveryClaim } from "../../storage/ledger-names.ts";
import { reconcileEntry } from "../agent-index/reconcile-index.ts";
import { newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { type Lease, leaseMs, renewLease } from "../lease.ts";
import { agentBusy } from "../state/agent-busy.ts";
import { replaceAgent } from "../state/agent-record.ts";
import { completeAiKey } from "../state/ai-key-state.ts";
import { knownFrom } from "../state/find-agent.ts";
import { compensateCreate } from "./compensate-create.ts";
import { createdView } from "./created-view.ts";
import { decideOutcome } from "./decide-outcome.ts";
import { giveBackAgent } from "./give-back-agent.ts";
import { mayWait, type Operation, operationText, parseOperation } from "./operation.ts";
import { interrupted, noteEnded } from "./operation-state.ts";
import { type Reconciliation, reconcileAgent, silentGateway } from "./reconcile-agent.ts";
import { settleKeyChange } from "./settle-key-change.ts";
import { tearDownAgent } from "./tear-down-agent.ts";

const recovery: Caller = { actor: "recovery", scopes: [], reach: "all", operator: true, requestId: "recovery" };

/** Nobody knows whether a change was done: the record is as the host has it by now. */
type Recovered = "finished" | "undone" | "nothing" | Reconciliation["outcome"];

/**
 * How long a creation is remembered whose process may only sleep: what it does when it wakes is undone by itself, or,
 * should it be killed at that, once it is gone or this time is over.
 */
export const keptOperationMs = 3_600_000;

/**
 * Finishes or undoes what a process that is gone, or was not heard of for too long, had begun. All of it touches only
 * what that operation made, so that it may come twice, or late.
 *
 * @param isHeld whether its lease is ours still: asked by the host before it changes what another may have changed since
 * @param wanted that somebody waits for the agent, to change it
 */
export async function recoverOperation(
  context: Context,
  operation: Operation,
  { isHeld }: Pick<Lease, "isHeld">,
  wanted = false,
): Promise<Recovered> {
  const { outcome, fromHost = [] } = await finishOrUndo(context, operation, isHeld, wanted);
  await writeThrough(context, operation.agentId);
  await reconcileEntry(context, operation.agentId);
  if ((operation.action === "create" || operation.action === "adopt") && outcome !== "finished")
    await watchForReturn(context, operation);
  if (operation.action === "create") {
    const record = outcome === "finished" && (await context.records.get("agents", operation.agentId));
    const ended = record ? { agent: await createdView(context, record) } : { error: interrupted() };
    await noteEnded(context, operation.operationId, ended);
  }
  if (outcome === "nothing" || (operation.action === "change" && operation.audited === undefined)) return "nothing";
  context.log("info", "an interrupted change was settled", {
    agentId: operation.agentId,
    action: operation.action,
    outcome,
  });
  await context.audit.append({
    phase: "outcome",
    action: operation.audited ?? `agent.${operation.action}`,
    actor: recovery.actor,
    operationId: operation.operationId,
    requestId: recovery.requestId,
    target: operation.agentId,
    ...(outcome === "finished" && { outcome: "success" }),
    ...(outcome === "undone" && { outcome: "failure" }),
    details: { recovered: outcome, ...(fromHost.length > 0 && { fromHost }) },
  });
  return outcome;
}

/** The record may be in one of a store's two parts, where its writer broke off: written again, it is in both. */
async function writeThrough({ records }: Context, agentId: string): Promise<void> {
  const record = await records.get("agents", agentId);
  const isSame = (now: AgentRecord | undefined) => JSON.stringify(now) === JSON.stringify(record);
  if (record) await records.replace("agents", agentId, isSame, record);
}

async function finishOrUndo(
  context: Context,
  operation: Operation,
  isHeld: Lease["isHeld"],
  wanted: boolean,
): Promise<{ outcome: Recovered; fromHost?: string[] }> {
  if (operation.action === "change") return await reconcileAgent(context, operation, wanted);
  const record = await context.records.get("agents", operation.agentId);
  switch (operation.action) {
    case "create":
    case "adopt": {
      const isIts = record?.operationId === operation.operationId;
      // The record of an adoption is its last step.
      const whole = isIts && (operation.action === "adopt" || (await finishWhole(context, record)));
      if ((await decideOutcome(context, operation, whole ? "finished" : "undone")) === "finished")
        return { outcome: "finished" };
      await compensateCreate(context, operation);
      // The agent was made anew since: of this creation, the trail has told already.
      return { outcome: record && !isIts ? "nothing" : "undone" };
    }
    case "key":
      return { outcome: (await settleKeyChange(context, operation, { isCurrent: isHeld })).outcome };
    case "delete":
    case "release":
      if (record && record.operationId !== operation.creation) return { outcome: "nothing" };
      await (operation.action === "delete" ? tearDownAgent : giveBackAgent)(context, operation);
      return { outcome: "finished" };
  }
}

/**
 * The records of agent and key and the host's entry are the last steps, and on another machine the credential: only with
 * all of them may the creation have been answered. At most the place of the agent is missing then.
 *
 * @throws Problem `gateway_failed` where nobody can tell now
 */
async function finishWhole(context: Context, record: AgentRecord): Promise<boolean> {
  const { host, records } = context;
  const { aiKeyId } = record;
  const isKeyed =
    aiKeyId === undefined || (await completeAiKey(context, aiKeyId, await records.get("ai-keys", aiKeyId)));
  if (!isKeyed) return false;
  if (host.kind === "registry") return true;
  const { agents, unreachable } = await host.find(record.agentId);
  const found = agents.find(({ gateway }) => gateway === record.gateway);
  const health = await host.inspect(knownFrom(record));
  const silent = !health.reachable || unreachable.some((gateway) => gateway === record.gateway);
  if (silent) throw silentGateway();
  if (!found || (record.credentials.length > 0 && health.credentials === "missing")) return false;
  const { workspace = record.workspace, agentDir = record.agentDir } = found;
  if (workspace !== record.workspace || agentDir !== record.agentDir) {
    await replaceAgent(context, record, { ...record, workspace, agentDir });
  }
  return true;
}

async function watchForReturn({ ledger, instance }: Context, operation: Operation): Promise<void> {
  const { agentId, operationId } = operation;
  if (instance.isGone(operationId)) return;
  const name = agentOperation(agentId, operationId);
  await ledger.claim(name, { owner: operationId, ttlMs: keptOperationMs, note: operationText(operation) });
}

/** The recovery leases that this process holds. Any other of its name is left over: the store was away at its release. */
const recoveryLeases = new Set<string>();

/**
 * Settles everything that dead processes left: at start, before the service is ready, and now and then. One process
 * at a time: two that undo the same would undo what is made anew after the first.
 * Returns what it met, in words for a person.
 */
export async function recoverOperations(context: Context): Promise<string[]> {
  const { ledger, instance } = context;
  const turn = { owner: newOperationId(context), ttlMs: leaseMs(context) };
  const askedAt = performance.now();
  let taken = await ledger.claim(recoveryClaim, turn);
  if (!taken.granted && (instance.isGone(taken.owner) || isLeftOver(context, taken.owner))) {
    await ledger.release(recoveryClaim, taken.owner);
    taken = await ledger.claim(recoveryClaim, turn);
  }
  if (!taken.granted) return [];
  recoveryLeases.add(turn.owner);
  const lost = new Problem("not_ready", "Another process settles what was interrupted.");
  const lease = renewLease(context, { name: recoveryClaim, owner: turn.owner, busy: () => lost }, askedAt);
  try {
    return await recoverAll(context, lease.isHeld);
  } finally {
    recoveryLeases.delete(turn.owner);
    await lease.stop();
    await ledger.release(recoveryClaim, turn.owner);
  }
}

const isLeftOver = ({ instance }: Context, owner: string): boolean =>
  owner.startsWith(`${instance.id}.`) && !recoveryLeases.has(owner);

async function recoverAll(context: Context, isHeld: () => Promise<boolean>): Promise<string[]> {
  const settled: string[] = [];
  const silent = new Set<string | undefined>();
  const { ledger, clock, mostBulkChanges: most = Number.POSITIVE_INFINITY } = context;
  const abandoned = await ledger.abandoned(context.instance.isGone);
  // Each is some thirty operations, where an invocation is bounded: those that cannot be settled yet come in turn too.
  for (const left of inTurn(abandoned, most, clock.now())) {
    const operation = left.note === undefined ? undefined : parseOperation(left.note);
    if (operation && silent.has(operation.gateway)) continue;
    if (!(await isHeld())) break;
    try {
      const outcome = await recoverOne(context, left, operation);
      if (operation && outcome !== "nothing")
        settled.push(`${operation.action} of agent "${operation.agentId}": ${outcome}`);
    } catch (error) {
      if (!operation || (isProblem(error) && !canWait(error))) throw error;
      if (!isProblem(error)) await requireStores(context);
      if (isProblem(error, "gateway_failed")) silent.add(operation.gateway);
      const { agentId, action } = operation;
      const level = isProblem(error) ? "warn" : "error";
      context.log(level, "an interrupted change cannot be settled yet", { agentId, action, cause: error });
    }
  }
  return settled;
}

/**
 * A gateway that is down, or that says no (it does not let agents be deleted, or is none of ours any more), must keep
 * neither the others' agents waiting nor the service from being ready: the lease keeps its record for another try.
 */
const canWait = (problem: Problem): boolean => problem.status < 500 || problem.code === "gateway_failed";

/**
 * An error that is no Problem is a fault of ours in this one change, unless a store is at fault that has no word for it.
 * @throws of the first store that does not work
 */
async function requireStores({ records, ledger, audit }: Context): Promise<void> {
  await Promise.all([records.check?.(), ledger.check(), audit.check()]);
}

/**
 * The dead owner's lease is taken over meanwhile, so that nobody makes anew what is being undone, and its owner, should
 * it only have slept, finds it lost. Where that fails, it stays with its record, as one that a dead owner left.
 */
async function recoverOne(context: Context, { name, owner: dead }: Abandoned, operation: Operation | undefined) {
  const { ledger } = context;
  if (!operation) {
    await ledger.release(name, dead);
    return "nothing";
  }
  const owner = inPlaceOf(dead, newOperationId(context));
  const askedAt = performance.now();
  if (!(await ledger.renew(name, { owner, from: dead, ttlMs: leaseMs(context) }))) return "nothing";
  const lease = renewLease(context, { name, owner, busy: () => agentBusy(operation.agentId) }, askedAt);
  try {
    const outcome = await (isReturned(name)
      ? undoAgain(context, operation)
      : recoverOperation(context, operation, lease));
    await lease.stop();
    await ledger.release(name, owner);
    return outcome;
  } catch (error) {
    await lease.stop();
    // It can be reconciled later, and keeps nobody from changing the agent now: a lease that ended keeps its record.
    if (mayWait(operation)) await ledger.renew(name, { owner, ttlMs: 1 });
    throw error;
  }
}

/** A creation that was undone, and told of, before its process woke, or was gone for good. */
const isReturned = (name: LedgerName): boolean => name.includes("/operation:");

async function undoAgain(context: Context, operation: Operation): Promise<"nothing"> {
  const { action } = operation;
  // An earlier release left others there too, whose agent is not theirs to undo.
  if (action === "create" || action === "adopt") await compensateCreate(context, operation);
  return "nothing";
}

/** Named after the dead owner, by which others see that it is gone, and for whom it was; and yet another than it. */
function inPlaceOf(dead: string, operationId: string): string {
  const [, operation = "", rest = ""] = /^([^#+]*)(?:\+[^#]*)?(#.*)?$/s.exec(dead) ?? [];
  return `${operation}+${operationId.slice(operationId.lastIndexOf(".") + 1)}${rest}`;
}
