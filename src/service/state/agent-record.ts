import type { AgentRecord } from "../../schema/agent.ts";
import type { Context } from "../context.ts";
import { agentBusy } from "./agent-busy.ts";

/** Later than before, though another machine's clock made that, or this one was set back: the index goes by it. */
export const nextUpdate = ({ clock }: Pick<Context, "clock">, { updatedAt }: Pick<AgentRecord, "updatedAt">): string =>
  new Date(Math.max(clock.now(), Date.parse(updatedAt) + 1)).toISOString();

/**
 * Writes over the record that was read, and over no other: the agent may have been changed since, or made anew.
 * @throws Problem `agent_busy`
 */
export async function replaceAgent(context: Context, before: AgentRecord, next: AgentRecord): Promise<void> {
  const { agentId, operationId, updatedAt } = before;
  const isSame = (now: AgentRecord | undefined) => now?.operationId === operationId && now.updatedAt === updatedAt;
  if (!(await context.records.replace("agents", agentId, isSame, next))) throw agentBusy(agentId);
}

/**
 * @param record as it was read, but for what changes: it says by `updatedAt` over which one it is to be written
 * @throws Problem `agent_busy`
 */
export async function saveAgent(context: Context, record: AgentRecord): Promise<AgentRecord> {
  const next = { ...record, updatedAt: nextUpdate(context, record) };
  await replaceAgent(context, record, next);
  return next;
}

/** @throws Problem `agent_busy` where one is there, whose creation came to its end meanwhile */
export async function addAgent(context: Context, record: AgentRecord): Promise<void> {
  const isFree = (now: AgentRecord | undefined) => now === undefined || now.operationId === record.operationId;
  if (!(await context.records.replace("agents", record.agentId, isFree, record))) throw agentBusy(record.agentId);
}

/** Removes the record that this creation made; another's stays. */
export async function removeAgent(context: Context, agentId: string, creation: string): Promise<void> {
  const isIts = (now: AgentRecord | undefined) => now?.operationId === creation;
  // Nearly always it is there; where it is not, or is another's, there is nothing to do.
  await context.records.replace("agents", agentId, isIts, undefined);
}
