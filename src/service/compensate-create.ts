import { remoteIdOfMark } from "../providers/mint/minter-over.ts";
import { releasePlaces } from "./agent-places.ts";
import { removeAgent } from "./agent-record.ts";
import { eraseAiKey } from "./ai-key-state.ts";
import type { Context } from "./context.ts";
import { forgetIssuedKeys } from "./issued-keys.ts";
import { type Revocation, revokeMinted } from "./minting.ts";
import type { OperationNote } from "./operation-note.ts";

/**
 * Takes back whatever a creation did, newest first; what it did not come to is not missed. Each step touches only what
 * this creation made, so that it may be repeated at any time, whoever has made the agent anew since.
 */
export async function compensateCreate(context: Context, note: OperationNote): Promise<void> {
  await removeAgent(context, note.agentId, note.creation);
  await context.host.remove(hostTarget(note), { workspace: true, sessions: true });
  if (note.aiKeyId !== undefined) {
    await withdrawAiKey(context, note, note.aiKeyId);
    await forgetIssuedKeys(context, note.agentId, [note.aiKeyId]);
  }
  await releasePlaces(context, note);
}

/** The host knows what it made for an agent by the operation that asked for it. */
export const hostTarget = ({ agentId, gateway, workspace, creation, asked, bindings }: OperationNote) => ({
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
export async function withdrawAiKey(context: Context, note: OperationNote, keyId: string): Promise<boolean> {
  const record = await context.records.get("ai-keys", keyId);
  const { agentId } = note;
  let became: Revocation;
  if (record?.minted) {
    const { aiProviderId, minted } = record;
    became = await revokeMinted(context, { aiProviderId, remoteId: minted.remoteId, agentId, keyId });
  } else if (await context.records.get("revocations", keyId)) {
    // Remembered by the minting or by an earlier attempt at this, which knew more of it; it is tried again by itself.
    became = "failed";
  } else if (note.minted && note.aiProviderId !== undefined) {
    // Minted, perhaps, but not recorded: only the provider knows, by the name that the creation gave the key.
    const remoteId = remoteIdOfMark({ agentId, operationId: note.creation });
    became = await revokeMinted(context, { aiProviderId: note.aiProviderId, remoteId, agentId, keyId });
  } else {
    became = "revoked";
  }
  await eraseAiKey(context, keyId);
  return became === "revoked";
}
