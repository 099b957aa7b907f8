import { type Client, ClientError } from "../../client/client.ts";
import { agentIdFrom } from "../../domain/agent-id.ts";
import { bulkBatch } from "../../domain/bulk-batch.ts";
import type { AgentDetail } from "../../schema/agent.ts";
import type { AgentCreated, CreateAgent } from "../../schema/create-agent.ts";
import { quotaNames } from "../../schema/quota.ts";
import { type FileEntry, readAgentsFile } from "../agents-file.ts";
import { refused } from "../failure.ts";
import { readGivenFile } from "../given-file.ts";
import type { Invocation } from "../leaf.ts";
import { grouped, type Output } from "../output.ts";

interface Options {
  dryRun?: true;
  revealAiKey?: true;
}

interface Done {
  created: (AgentCreated | { agentId: string })[];
  /** Were there already, as the file has them. */
  existing: string[];
  failed: { place: string; name: string; code: string; detail: string }[];
}

/** Makes the agents of a file that are not there yet. */
export async function createAgentsFrom(
  { cli, options, out, withClient }: Invocation<Options>,
  path: string,
): Promise<void> {
  const content = await readGivenFile(cli, "--from", path);
  const { entries, faults } = readAgentsFile(content);
  if (faults.length > 0) {
    if (options.json) out.json({ faults });
    else
      out.table(
        ["ENTRY", "FIELD", "WHY NOT"],
        faults.map(({ place, field, why }) => [place, field, why]),
      );
    throw refused(`nothing was made: the file has ${counted(faults.length, "fault")}`);
  }
  const done: Done = { created: [], existing: [], failed: [] };
  await withClient("agents", async (client) => {
    // Keys that were shown must not be lost where a later call fails.
    try {
      const missing = await settleExisting(client, entries, done);
      for (let from = 0, size: number = bulkBatch; from < missing.length; ) {
        const batch = missing.slice(from, from + size);
        const most = await createBatch(client, batch, options, done);
        if (most !== undefined) {
          size = most;
          continue;
        }
        from += batch.length;
        if (cli.isTerminal) out.notice(`${from} of ${missing.length}`);
      }
    } finally {
      if (options.json) out.json({ ...(options.dryRun && { dryRun: true }), ...done });
      else print(out, options, done);
    }
  });
  const { length } = done.failed;
  if (length > 0) throw refused(`${grouped(length)} of the agents ${options.dryRun ? "would be" : "were"} refused`);
}

/** @returns those that are not there yet */
async function settleExisting(client: Client, entries: readonly FileEntry[], done: Done): Promise<FileEntry[]> {
  const there = new Set<string>();
  for await (const { agentId } of client.agents.all()) there.add(agentId);
  const missing: FileEntry[] = [];
  for (const entry of entries) {
    const agentId = agentIdFrom(entry.body.name);
    if (agentId === undefined || !there.has(agentId)) {
      missing.push(entry);
      continue;
    }
    const differing = differences(entry.body, await client.agents.get(agentId));
    if (differing.length === 0) done.existing.push(agentId);
    else {
      const detail = `An agent "${agentId}" is there, and differs in ${differing.join(", ")}; change it by \`agents update\`, or choose another name.`;
      done.failed.push({ place: entry.place, name: entry.body.name, code: "agent_exists", detail });
    }
  }
  return missing;
}

/** @returns how many it may be at most, where they were too many for one call, and none was made */
async function createBatch(
  client: Client,
  batch: readonly FileEntry[],
  options: Options,
  done: Done,
): Promise<number | undefined> {
  const agents = batch.map(({ body }) => (options.revealAiKey ? { ...body, revealAiKey: true } : body));
  try {
    const { results } = await client.agents.createMany({ agents, ...(options.dryRun && { dryRun: true }) });
    for (const { index, ...result } of results) {
      const { place, body } = batch[index]!;
      if ("code" in result) done.failed.push({ place, name: body.name, ...result });
      else done.created.push(result);
    }
    return undefined;
  } catch (error) {
    const fault = error instanceof ClientError && error.errors.find(({ path }) => path === "agents");
    const most = fault ? fault.most : undefined;
    if (most === undefined || most < 1 || most >= batch.length) throw error;
    return most;
  }
}

/** Whether both hold the same, in whatever order; a list that was not asked for may be anything. */
const isSameList = (asked: readonly string[] | undefined, has: readonly string[] = []): boolean =>
  asked === undefined || (new Set(asked).size === new Set(has).size && asked.every((one) => has.includes(one)));

/** The service resolves links above a workspace, and never its own name. */
const ownName = (workspace: string) => workspace.split("/").findLast((part) => part !== "" && part !== ".");

function isElsewhere(asked: string | undefined, has: string | undefined): boolean {
  return asked !== undefined && has !== undefined && ownName(asked) !== ownName(has);
}

/** The fields of the entry that the agent does not have so. */
function differences(body: CreateAgent, agent: AgentDetail): string[] {
  const { autoProvisionAiKey: asked, labels, bind = [], identity = {} } = body;
  const { aiKey } = agent.health;
  const differing = (["name", "model", "gateway", "confinement", "expiresAt"] as const).filter(
    (field) => body[field] !== undefined && body[field] !== agent[field],
  );
  const hasLabels = Object.entries(labels ?? {}).every(([name, value]) => agent.labels?.[name] === value);
  const identityFields = (["name", "emoji", "avatar"] as const).filter((field) => identity[field] !== undefined);
  const lists = (["tools", "peers"] as const).filter((field) => !isSameList(body[field], agent[field]));
  const terms = (["expiresAt", "budgetUsdPerMonth"] as const).filter(
    (field) => asked?.[field] !== undefined && asked[field] !== aiKey?.[field],
  );
  const quotas = quotaNames.filter((name) => {
    const limit = asked?.quotas?.[name];
    const has = aiKey?.quotas[name]?.limit;
    if (limit === undefined || has === limit) return false;
    // No more than its AI provider's default can be had by a create either.
    return has === undefined || has > limit || !aiKey?.defaultQuotas?.includes(name);
  });
  return [
    ...(agent.managed ? [] : ["who made it"]),
    ...differing,
    ...(isElsewhere(body.workspace, agent.workspace) ? ["workspace"] : []),
    ...lists,
    ...(hasLabels ? [] : ["labels"]),
    ...(bind.every((binding) => agent.bindings.includes(binding)) ? [] : ["bind"]),
    ...(identityFields.every((field) => identity[field] === agent.identity?.[field]) ? [] : ["identity"]),
    ...(asked && asked.provider !== aiKey?.provider ? ["autoProvisionAiKey.provider"] : []),
    ...(asked?.mode !== undefined && asked.mode !== aiKey?.mode ? ["autoProvisionAiKey.mode"] : []),
    ...(aiKey && !isSameList(asked?.models, aiKey.models) ? ["autoProvisionAiKey.models"] : []),
    ...(aiKey ? terms.map((name) => `autoProvisionAiKey.${name}`) : []),
    ...(aiKey ? quotas.map((name) => `autoProvisionAiKey.quotas.${name}`) : []),
  ];
}

const counted = (count: number, noun: string): string => `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;

function print(out: Output, { dryRun }: Options, { created, existing, failed }: Done): void {
  const verb = dryRun ? "would be" : created.length === 1 ? "is" : "are";
  const were = existing.length === 1 ? "was" : "were";
  const there = existing.length === 0 ? "" : ` ${grouped(existing.length)} ${were} there already.`;
  out.line(`${counted(created.length, "agent")} ${verb} created.${there}`);
  const keyed = created.flatMap((one) => ("aiKey" in one && one.aiKey?.key ? [[one.agentId, one.aiKey.key]] : []));
  if (keyed.length > 0) {
    out.line();
    out.table(["AGENT", "KEY"], keyed);
    out.line();
    out.line("Save these keys now: they are not shown again.");
  }
  if (failed.length === 0) return;
  out.line();
  out.table(
    ["ENTRY", "NAME", "CODE", "WHY NOT"],
    failed.map(({ place, name, code, detail }) => [place, name, code, detail]),
  );
}
