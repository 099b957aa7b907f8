import { agentIdFrom } from "../../domain/agent-id.ts";
import { labelsInOrder } from "../../domain/labels.ts";
import { mapLimited } from "../../domain/map-limited.ts";
import { othersTurn } from "../../domain/others-turn.ts";
import type { BulkCreate, BulkCreated, BulkCreateResult } from "../../schema/bulk.ts";
import type { CreateAgent } from "../../schema/create-agent.ts";
import { createAgent, sameRequest } from "../agents/create-agent.ts";
import { withoutAuth } from "../agents/given-credential.ts";
import { agentExists, makerOf, maxAgentsOf, prepareCreate } from "../agents/prepare-create.ts";
import type { CreateOptions } from "../agents/provision-agent.ts";
import { newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { expectFewer } from "../gateways/choose-gateway.ts";
import { type PassedResources, requireFreeResources } from "../operations/exclusive-resources.ts";
import { requireScope } from "../require-scope.ts";
import { atOnce, auditDenied, mostCreates, refusalOf, requireFew } from "./bulk-bounds.ts";

/** Beside the body of a bulk create, from its headers. */
export interface CreateAgentsOptions {
  /** The key of the whole: each entry's own is made of it and of the entry's place. */
  idempotency?: { key: string; given: string } | undefined;
  /**
   * Counts a call of the caller. Asked for each agent but the first, which the request itself has paid for, and but
   * those that an earlier attempt made.
   * @throws Problem `rate_limited`, `unauthorized` where its credentials have ended
   */
  countCall(): Promise<void>;
  /** Told each result as it is known. */
  onResult?: ((result: BulkCreateResult) => void) | undefined;
}

/**
 * Many agents, each made or refused by itself as by `createAgent`.
 *
 * @throws Problem `scope_missing`, `invalid_body` for more agents than one call can make here
 */
export async function createAgents(
  context: Context,
  caller: Caller,
  { agents, dryRun }: BulkCreate,
  options: CreateAgentsOptions,
): Promise<BulkCreated> {
  requireScope(caller, "agents:create", "create agents");
  requireFew("agents", agents.length, mostCreates(context));
  const batchId = newOperationId(context);
  const member: Caller = { ...caller, batchId };
  const passed: PassedResources = { names: new Set(), places: 0, on: new Map() };
  /** The gateways on which a dry run has found room: held until it is over. */
  const planned: (string | undefined)[] = [];
  let paid = false;

  async function countOne(): Promise<void> {
    if (paid) await options.countCall();
    paid = true;
  }

  async function make(body: CreateAgent, index: number): Promise<BulkCreateResult> {
    const idempotency = await idempotencyOf(context, body, index, options);
    if (!(await wasMade(context, body, idempotency))) await countOne();
    return { index, ...(await createAgent(context, member, body, idempotency && { idempotency })) };
  }

  const results = await mapLimited(
    [...agents.entries()],
    dryRun ? 1 : createsAtOnce(context),
    async ([index, body]) => {
      let result: BulkCreateResult;
      if (dryRun && index % 25 === 24) await othersTurn();
      try {
        result = dryRun
          ? { index, agentId: await check(context, caller, body, passed, planned) }
          : await make(body, index);
      } catch (error) {
        result = { index, ...refusalOf(context, error, { name: body.name, action: "create", batchId }) };
      }
      options.onResult?.(result);
      return result;
    },
  );
  for (const gateway of planned) expectFewer(context, gateway);
  auditDenied(
    context,
    caller,
    batchId,
    results.flatMap((result) => ("code" in result ? result.code : [])),
  );
  return { batchId, ...(dryRun && { dryRun }), results };
}

/** Those that are with a gateway together share its reload, for which each of them waits. A Worker has few connections. */
const createsAtOnce = ({ host, mostBulkChanges }: Context): number =>
  (host.kind === "openclaw" || host.kind === "remote") && mostBulkChanges === undefined ? 100 : atOnce;

async function idempotencyOf(
  { crypto }: Context,
  body: CreateAgent,
  index: number,
  { idempotency: whole }: CreateAgentsOptions,
): Promise<CreateOptions["idempotency"]> {
  if (!whole) return undefined;
  return {
    key: await crypto.sha256(`${whole.key}#${index}`),
    fingerprint: await crypto.sha256(JSON.stringify(withoutAuth(body), labelsInOrder)),
    given: await crypto.sha256(`${whole.given}#${index}`),
  };
}

async function wasMade(
  { records }: Context,
  { name }: CreateAgent,
  idempotency: CreateOptions["idempotency"],
): Promise<boolean> {
  const agentId = idempotency && agentIdFrom(name);
  const earlier = agentId === undefined ? undefined : await records.get("agents", agentId);
  return earlier !== undefined && sameRequest(earlier, { idempotency: idempotency! });
}

/** A dry run goes one after another: each sees what those before it would hold. */
async function check(
  context: Context,
  caller: Caller,
  body: CreateAgent,
  passed: PassedResources,
  planned: (string | undefined)[],
): Promise<string> {
  const { agentId, plan } = await prepareCreate(context, caller, body);
  planned.push(plan.gateway);
  const claim = `agent:${agentId}`;
  const isThere =
    passed.names.has(claim) ||
    (await context.records.get("agents", agentId)) !== undefined ||
    (await context.host.find(agentId)).agents.length > 0;
  if (isThere) throw agentExists(agentId);
  const { gateway, workspace } = plan;
  const resources = { agentId, gateway, workspace, bindings: body.bind ?? [], placeKeyId: makerOf(caller) };
  await requireFreeResources(context, resources, maxAgentsOf(context, caller), passed);
  passed.names.add(claim);
  return agentId;
}
