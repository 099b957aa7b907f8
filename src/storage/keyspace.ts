/**
 * The only place where stored keys are spelled.
 *
 * | collection    | unstorage key        | on disk (Node)                    |
 * |---------------|----------------------|-----------------------------------|
 * | keys          | `keys:<id>`          | one entry of `keys.json`          |
 * | ai-providers  | `ai-providers:<id>`  | one entry of `ai-providers.json`  |
 * | agents        | `agents:<id>`        | `agents/<id>.json`                |
 * | ai-keys       | `ai-keys:<id>`       | `ai-keys/<id>.json`               |
 * | revocations   | `revocations:<id>`   | `revocations/<id>.json`           |
 * | webhooks      | `webhooks:<id>`      | one entry of `webhooks.json`      |
 */
import * as z from "zod/mini";
import type { PortsOver, RecordStore } from "../ports.ts";
import { AgentRecord } from "../schema/agent.ts";
import { AiKeyRecord } from "../schema/ai-key.ts";
import { AiProviderRecord } from "../schema/ai-provider.ts";
import { Timestamp } from "../schema/primitives.ts";
import { ProvisioningKeyRecord } from "../schema/provisioning-key.ts";
import { WebhookRecord } from "../schema/webhook.ts";

/** A minted key that its provider could not be brought to revoke yet, or that may be made there yet. */
export const RevocationRecord = z.object({
  id: z.string(),
  aiProviderId: z.string(),
  remoteId: z.string(),
  agentId: z.string(),
  attempts: z.int(),
  lastError: z.string(),
  /** When last looked for under its name, it was not there: its creation may take effect yet. */
  unseen: z.optional(z.boolean()),
  createdAt: Timestamp,
});
export type RevocationRecord = z.infer<typeof RevocationRecord>;

export const collections = {
  keys: ProvisioningKeyRecord,
  "ai-providers": AiProviderRecord,
  agents: AgentRecord,
  "ai-keys": AiKeyRecord,
  revocations: RevocationRecord,
  webhooks: WebhookRecord,
} as const;

export type Collection = keyof typeof collections;
type StoredTypes = { [C in Collection]: z.infer<(typeof collections)[C]> };
export type RecordOf<C extends Collection> = StoredTypes[C];
export type Records = RecordStore<StoredTypes>;
/** The ports over the records of this product. */
export type Ports = PortsOver<StoredTypes>;

/**
 * Unstorage is case-preserving but a file system need not be, and `:` divides segments: only ids of these
 * characters ever become a key.
 */
const segment = /^[A-Za-z0-9_-]{1,64}$/;

/** `undefined` for an id that no record can have: a crafted one never reaches a driver. */
export function recordKey(collection: Collection, id: string): string | undefined {
  return segment.test(id) ? `${collection}:${id}` : undefined;
}
