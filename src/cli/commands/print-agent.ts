import type { AgentDetail } from "../../schema/agent.ts";
import { describeLabels, type Output, shortTime } from "../output.ts";
import { describeBudget, quotaHeader, quotaRows } from "../quota-text.ts";

/** An agent for people: quotas in a table of their own, and no line for a part that the agent does not have. */
export function printAgent(out: Output, agent: AgentDetail): void {
  const { health } = agent;
  const { aiKey } = health;
  out.details([
    ["id", agent.agentId],
    ["name", agent.name],
    ["status", agent.status],
    ["model", agent.model],
    ["workspace", agent.workspace && `${agent.workspace} (${health.workspace})`],
    ["agent directory", agent.agentDir && `${agent.agentDir} (${health.agentDir})`],
    ["bindings", agent.bindings.join(", ")],
    ["gateway", agent.gateway],
    ["confinement", agent.confinement],
    ["tools", agent.tools?.join(", ")],
    ["peers", agent.peers?.join(", ")],
    ["labels", describeLabels(agent.labels)],
    ["expires", shortTime(agent.expiresAt)],
    ["host", health.host],
    ["credentials", health.credentials],
    ["detail", health.detail],
    ["AI key", aiKey && `${aiKey.keyId} (${aiKey.provider}, ${aiKey.mode}, ${aiKey.status})`],
    ["AI key models", aiKey?.models?.join(", ")],
    ["AI key budget", describeBudget(aiKey?.budgetUsdPerMonth)],
    ["AI key expires", shortTime(aiKey?.expiresAt)],
    ["made by", agent.managed ? (agent.createdBy ?? "the operator") : "another program"],
    ["created", shortTime(agent.createdAt)],
    ["updated", shortTime(agent.updatedAt)],
  ]);
  const quotas = quotaRows(aiKey?.quotas ?? {});
  if (quotas.length === 0) return;
  out.line();
  out.table(quotaHeader, quotas);
}
