/** Searching agents among a hundred and among ten thousand, on files, through the app in this process. */
import type { AgentRecord } from "../src/schema/agent.ts";
import type { Context } from "../src/service/context.ts";
import { addKey, benchFleet } from "./fleet.ts";
import type { Row } from "./row.ts";

const pageOf = 50;
const paths = {
  "by id, with quotas": `/agents?limit=${pageOf}&include=quotas`,
  "sorted, a page of 50": `/agents?sort=-createdAt&limit=${pageOf}`,
  "the same with quotas": `/agents?sort=-createdAt&limit=${pageOf}&include=quotas`,
  "the nearest to a limit first": `/agents?sort=-share&limit=${pageOf}&include=quotas`,
  "by a label": `/agents?label=tenant:t7&limit=${pageOf}`,
  "by a part of a name": `/agents?q=agent%2099&limit=${pageOf}`,
};

export const benchSearch = (): Promise<Row[]> => benchFleet({ paths, addAgent, read, aim: "under 50 ms" });

async function addAgent(context: Context, record: AgentRecord, at: number): Promise<void> {
  const found = { bindings: [`telegram:${at}`], labels: { tenant: `t${at % 50}`, plan: "pro" } };
  await context.records.set("agents", record.agentId, { ...record, ...found });
  if (at < pageOf) await addKey(context, record);
}

async function read(response: Response, path: string): Promise<void> {
  const { agents } = (await response.json()) as { agents?: unknown[] };
  if (!agents || agents.length === 0) throw new Error(`${path} was answered ${response.status}`);
}
