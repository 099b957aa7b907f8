import { isProblem, type Problem } from "../errors.ts";
import type { Abandoned } from "../ports.ts";
import type { AgentRecord } from "../schema/agent.ts";
import { recoveryClaim } from "../storage/ledger-names.ts";
import { newOperationId } from "./audited-change.ts";
import type { Caller } from "./caller.ts";
import type { Context } from "./context.ts";
import { dismantleAgent } from "./dismantle-agent.ts";
import { knownFrom } from "./find-agent.ts";
import { claimTtlMs, keepClaim } from "./kept-claim.ts";
import { noteText, type OperationNote, parseNote } from "./operation-note.ts";
import { type SettledChange, settleChange, silentGateway } from "./settle-change.ts";
import { undoCreate } from "./undo-create.ts";

const recovery: Caller = { actor: "recovery", scopes: [], reach: "all", operator: true, requestId: "recovery" };

/** Of a change nobody knows whether it was done: the record is as the host has it by now. */
type Recovered = "finished" | "undone" | "nothing" | SettledChange["outcome"];

/**
 * Finishes or undoes what a process that is gone had begun. The agent's claim is held by the caller.
 *
 * @param wanted that somebody waits for the agent, to change it
 */
export async function recoverOperation(
  context: Context,
  note: OperationNote,
  { wanted = false } = {},
): Promise<Recovered> {
  const { outcome, fromHost = [] } = await finishOrUndo(context, note, wanted);
  if (outcome === "nothing" || (note.action === "change" && note.audited === undefined)) return "nothing";
  context.log("info", "an interrupted change was settled", { agentId: note.agentId, action: note.action, outcome });
  await context.audit.append({
    phase: "outcome",
    action: note.audited ?? `agent.${note.action}`,
    actor: recovery.actor,
    operationId: note.operationId,
    requestId: recovery.requestId,
    target: note.agentId,
    ...(outcome === "finished" && { outcome: "success" }),
    ...(outcome === "undone" && { outcome: "failure" }),
    details: { recovered: outcome, ...(fromHost.length > 0 && { fromHost }) },
  });
  return outcome;
}

async function finishOrUndo(
  context: Context,
  note: OperationNote,
  wanted: boolean,
): Promise<{ outcome: Recovered; fromHost?: string[] }> {
  if (note.action === "change") return await settleChange(context, note, wanted);
  const record = await context.records.get("agents", note.agentId);
  switch (note.action) {
    case "create":
      if (record && record.operationId !== note.operationId) return { outcome: "nothing" };
      if (record && (await finishWhole(context, record))) return { outcome: "finished" };
      await undoCreate(context, note);
      return { outcome: "undone" };
    case "delete":
      if (record && record.operationId !== note.creation) return { outcome: "nothing" };
      await dismantleAgent(context, note);
      return { outcome: "finished" };
  }
}

/**
 * The record and the host's entry are the last steps, and on another machine the credential: only with all of them
 * may the creation have been answered. What was missing is then at most where the agent is.
 *
 * @throws Problem `gateway_failed` where nobody can tell now
 */
async function finishWhole({ host, records }: Context, record: AgentRecord): Promise<boolean> {
  if (host.kind === "registry") return true;
  const { agents, unreachable } = await host.find(record.agentId);
  const found = agents.find(({ gateway }) => gateway === record.gateway);
  const health = await host.inspect(knownFrom(record));
  const silent = !health.reachable || unreachable.some((gateway) => gateway === record.gateway);
  if (silent) throw silentGateway();
  if (!found || (record.credentials.length > 0 && health.credentials === "missing")) return false;
  const { workspace = record.workspace, agentDir = record.agentDir } = found;
  if (workspace !== record.workspace || agentDir !== record.agentDir) {
    await records.set("agents", record.agentId, { ...record, workspace, agentDir });
  }
  return true;
}

/** The turns that this process has. Any other of its name is left over: the release was lost, with the store away. */
const turns = new Set<string>();

/**
 * Settles everything that dead processes left: at start, before the service is ready, and now and then. One process
 * at a time: two that undo the same would undo what is made anew after the first.
 * Returns what it met, in words for a person.
 */
export async function recoverAbandoned(context: Context): Promise<string[]> {
  const { ledger, instance } = context;
  const turn = { owner: newOperationId(context), ttlMs: claimTtlMs };
  let taken = await ledger.claim(recoveryClaim, turn);
  if (!taken.granted && (instance.isGone(taken.owner) || isLeftOver(context, taken.owner))) {
    await ledger.release(recoveryClaim, taken.owner);
    taken = await ledger.claim(recoveryClaim, turn);
  }
  if (!taken.granted) return [];
  turns.add(turn.owner);
  const end = keepClaim(context, recoveryClaim, turn);
  try {
    return await settleAll(context, async () => (await ledger.claim(recoveryClaim, turn)).granted);
  } finally {
    turns.delete(turn.owner);
    await end();
    await ledger.release(recoveryClaim, turn.owner);
  }
}

const isLeftOver = ({ instance }: Context, owner: string): boolean =>
  owner.startsWith(`${instance.id}.`) && !turns.has(owner);

async function settleAll(context: Context, isMyTurn: () => Promise<boolean>): Promise<string[]> {
  const settled: string[] = [];
  const silent = new Set<string | undefined>();
  for (const left of await context.ledger.abandoned(context.instance.isGone)) {
    const note = left.note === undefined ? undefined : parseNote(left.note);
    if (note && silent.has(note.gateway)) continue;
    if (!(await isMyTurn())) break;
    try {
      const outcome = await settle(context, left, note);
      if (note && outcome !== "nothing") settled.push(`${note.action} of agent "${note.agentId}": ${outcome}`);
    } catch (error) {
      if (!note || (isProblem(error) && !canWait(error))) throw error;
      if (!isProblem(error)) await requireStores(context);
      if (isProblem(error, "gateway_failed")) silent.add(note.gateway);
      const { agentId, action } = note;
      const level = isProblem(error) ? "warn" : "error";
      context.log(level, "an interrupted change cannot be settled yet", { agentId, action, cause: error });
    }
  }
  return settled;
}

/**
 * A gateway that is down, or that says no (it does not let agents be deleted, or is none of ours any more), must keep
 * neither the others' agents waiting nor the service from being ready: the claim keeps its note, and it is tried again.
 */
const canWait = (problem: Problem): boolean => problem.status < 500 || problem.code === "gateway_failed";

/**
 * What is no Problem is a fault of ours in this one change, unless a store is at fault that has no word for it.
 * @throws of the first store that does not work
 */
async function requireStores({ records, ledger, audit }: Context): Promise<void> {
  await Promise.all([records.check?.(), ledger.check(), audit.check()]);
}

/** The dead owner's claim is kept up meanwhile, so that nobody makes anew what is being undone. */
async function settle(context: Context, { name, owner }: Abandoned, note: OperationNote | undefined) {
  if (!note) {
    await context.ledger.release(name, owner);
    return "nothing";
  }
  const claim = { owner, ttlMs: claimTtlMs, note: noteText(note) };
  if (!(await context.ledger.claim(name, claim)).granted) return "nothing";
  const end = keepClaim(context, name, claim);
  try {
    const outcome = await recoverOperation(context, note);
    await end();
    await context.ledger.release(name, owner);
    return outcome;
  } catch (error) {
    await end();
    // What can be compared later keeps nobody from changing the agent now: a claim that has ended keeps its note.
    if (note.action === "change") await context.ledger.claim(name, { ...claim, ttlMs: 1 });
    throw error;
  }
}
