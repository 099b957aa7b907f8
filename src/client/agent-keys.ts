import type * as z from "zod/mini";
import type {
  CreateProvisioningKey,
  ProvisioningKeyIssued,
  ProvisioningKeyList,
  ProvisioningKeyView,
  RotateProvisioningKey,
} from "../schema/provisioning-key.ts";
import type { CallOptions } from "./call.ts";
import { below, type Requests } from "./requests.ts";

export type ProvisioningKeys = z.infer<typeof ProvisioningKeyList>;

/**
 * Calls of `client.agentKeys`. Only `list` and `revoke` are made again after an answer that was lost: a secret is
 * shown once.
 */
export const agentKeyCalls = ({ read, post }: Requests) => ({
  create: (body: CreateProvisioningKey, at?: CallOptions) =>
    post<ProvisioningKeyIssued>("/provisioning/agent-keys", body, false, at),
  list: (at?: CallOptions) => read<ProvisioningKeys>("/provisioning/agent-keys", undefined, at),
  revoke: (id: string, at?: CallOptions) =>
    post<ProvisioningKeyView>(below("provisioning/agent-keys", id, "/revoke"), undefined, true, at),
  rotate: (id: string, body: RotateProvisioningKey = {}, at?: CallOptions) =>
    post<ProvisioningKeyIssued>(below("provisioning/agent-keys", id, "/rotate"), body, false, at),
});
