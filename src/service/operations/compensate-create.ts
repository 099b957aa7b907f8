import { remoteIdOfMark } from "../../providers/admin/minter-over.ts";
import { forgetIssuedKeys } from "../ai-keys/issued-keys.ts";
import { type Revocation, revokeMinted } from "../ai-keys/minting.ts";
import type { Context } from "../context.ts";
import { removeAgent } from "../state/agent-record.ts";
import { eraseAiKey, retireAiKey } from "../state/ai-key-state.ts";
import { releaseResources } from "./exclusive-resources.ts";
import type { Operation } from "./operation.ts";

/**
 * Takes back whatever a creation or an adoption did, newest first; what it did not come to is not missed. Each step
 * touches only what this one made, so that it may be repeated at any time, whoever has made the agent anew since.
 */
export async function compensateCreate(context: Context, operation: Operation): Promise<void> {
  await removeAgent(context, operation.agentId, operation.creation);
  if (operation.action === "adopt") await context.host.release(hostTarget(operation));
  else await context.host.remove(hostTarget(operation), { workspace: true, sessions: true });
  if (operation.aiKeyId !== undefined) {
    await revokeAiKey(context, operation, operation.aiKeyId);
    await forgetIssuedKeys(context, operation.agentId, [operation.aiKeyId]);
  }
  await releaseResources(context, operation);
}

/** The host knows what it made for an agent by the operation that asked for it. */
export const hostTarget = ({ agentId, gateway, workspace, creation, asked, bindings }: Operation) => ({
  agentId,
  gateway,
  workspace,
  operationId: creation,
  asked: asked && { ...asked, workspace, bindings },
});

/**
 * The agent's key stops working now; a minted one is revoked at its provider, however long that takes.
 * @returns whether it is revoked there too
 */
export async function revokeAiKey(context: Context, operation: Operation, keyId: string): Promise<boolean> {
  const became = await revokeAtProvider(context, operation, keyId);
  await eraseAiKey(context, keyId);
  return became === "revoked";
}

/** The same of a key whose agent has another, or none, and stays. */
export async function revokeFormerAiKey(context: Context, operation: Operation, keyId: string): Promise<boolean> {
  const became = await revokeAtProvider(context, operation, keyId);
  await retireAiKey(context, keyId);
  return became === "revoked";
}

async function revokeAtProvider(context: Context, operation: Operation, keyId: string): Promise<Revocation> {
  const record = await context.records.get("ai-keys", keyId);
  const { agentId } = operation;
  if (record?.minted && record.state.status !== "revoked") {
    const { aiProviderId, minted } = record;
    return await revokeMinted(context, { aiProviderId, remoteId: minted.remoteId, agentId, keyId });
  }
  // Remembered by the minting or by an earlier attempt at this, which knew more of it; it is tried again by itself.
  if (await context.records.get("revocations", keyId)) return "failed";
  if (operation.minted && operation.aiProviderId !== undefined) {
    // Minted, perhaps, but not recorded: only the provider knows, by the name that the creation gave the key.
    const remoteId = remoteIdOfMark({ agentId, operationId: mintingOf(operation) });
    return await revokeMinted(context, { aiProviderId: operation.aiProviderId, remoteId, agentId, keyId });
  }
  return "revoked";
}

/** A change of keys mints under its own name: the agent's first key has that of the creation, and may be at work. */
const mintingOf = ({ action, operationId, creation }: Operation): string => (action === "key" ? operationId : creation);
