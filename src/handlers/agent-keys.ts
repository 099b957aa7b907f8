import { route } from "../http/call.ts";
import {
  CreateProvisioningKey,
  ProvisioningKeyIssued,
  ProvisioningKeyList,
  ProvisioningKeyView,
  RotateProvisioningKey,
} from "../schema/provisioning-key.ts";
import {
  createProvisioningKey,
  listProvisioningKeys,
  revokeProvisioningKey,
  rotateProvisioningKey,
} from "../service/provisioning-keys/provisioning-keys.ts";

const path = "/provisioning/agent-keys";

export const createAgentKeyRoute = route({
  method: "POST",
  path,
  operationId: "createAgentKey",
  summary: "Create a provisioning key",
  scope: "provisioning:admin",
  body: CreateProvisioningKey,
  response: { status: 201, description: "The key, shown this once", schema: ProvisioningKeyIssued },
  problems: ["ai_provider_not_found", "provider_revoked"],
  async handle({ context, caller, body }) {
    return { body: await createProvisioningKey(context, caller, body) };
  },
});

export const listAgentKeysRoute = route({
  method: "GET",
  path,
  operationId: "listAgentKeys",
  summary: "List provisioning keys",
  scope: "provisioning:admin",
  response: { status: 200, description: "All provisioning keys, the oldest first", schema: ProvisioningKeyList },
  problems: [],
  async handle({ context }) {
    return { body: await listProvisioningKeys(context) };
  },
});

export const revokeAgentKeyRoute = route({
  method: "POST",
  path: `${path}/:id/revoke`,
  operationId: "revokeAgentKey",
  summary: "Revoke a provisioning key at once",
  scope: "provisioning:admin",
  response: { status: 200, description: "The key", schema: ProvisioningKeyView },
  problems: ["key_not_found", "key_busy"],
  async handle({ context, caller, params }) {
    return { body: await revokeProvisioningKey(context, caller, params.id!) };
  },
});

export const rotateAgentKeyRoute = route({
  method: "POST",
  path: `${path}/:id/rotate`,
  operationId: "rotateAgentKey",
  summary: "Give a provisioning key a new secret under the same id",
  scope: "provisioning:admin",
  body: RotateProvisioningKey,
  bodyOptional: true,
  response: { status: 200, description: "The new key, shown this once", schema: ProvisioningKeyIssued },
  problems: ["key_not_found", "key_busy", "key_revoked", "key_expired"],
  async handle({ context, caller, params, body }) {
    return { body: await rotateProvisioningKey(context, caller, params.id!, body.graceSeconds) };
  },
});
