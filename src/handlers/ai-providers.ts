import { route } from "../http/call.ts";
import {
  AddAiProvider,
  AiProviderAdded,
  AiProviderHealth,
  AiProviderList,
  AiProviderView,
  RotateAiProvider,
} from "../schema/ai-provider.ts";
import { aiProviderHealth } from "../service/ai-keys/ai-provider-health.ts";
import { addAiProvider, listAiProviders } from "../service/ai-keys/ai-providers.ts";
import { revokeAiProvider, rotateAiProvider } from "../service/ai-keys/change-ai-provider.ts";

const path = "/provisioning/ai-providers";

export const addAiProviderRoute = route({
  method: "POST",
  path,
  operationId: "addAiProvider",
  summary: "Store an AI provider's master key, sealed",
  scope: "provisioning:admin",
  body: AddAiProvider,
  response: { status: 201, description: "The AI provider, its key as a hint only", schema: AiProviderAdded },
  problems: ["provider_settings", "provider_refused", "provider_exists", "key_busy"],
  async handle({ context, caller, body }) {
    return { body: await addAiProvider(context, caller, body) };
  },
});

export const listAiProvidersRoute = route({
  method: "GET",
  path,
  operationId: "listAiProviders",
  summary: "List AI providers",
  scope: "provisioning:admin",
  response: { status: 200, description: "All AI providers, the oldest first", schema: AiProviderList },
  problems: [],
  async handle({ context }) {
    return { body: await listAiProviders(context) };
  },
});

export const rotateAiProviderRoute = route({
  method: "POST",
  path: `${path}/:id/rotate`,
  operationId: "rotateAiProvider",
  summary: "Replace an AI provider's master key; its id and its agents stay",
  scope: "provisioning:admin",
  body: RotateAiProvider,
  response: { status: 200, description: "The AI provider, its new key as a hint only", schema: AiProviderAdded },
  problems: ["ai_provider_not_found", "provider_revoked", "provider_refused", "key_busy"],
  async handle({ context, caller, params, body }) {
    return { body: await rotateAiProvider(context, caller, params.id!, body) };
  },
});

export const revokeAiProviderRoute = route({
  method: "POST",
  path: `${path}/:id/revoke`,
  operationId: "revokeAiProvider",
  summary: "Revoke an AI provider",
  scope: "provisioning:admin",
  response: { status: 200, description: "The AI provider", schema: AiProviderView },
  problems: ["ai_provider_not_found", "key_busy"],
  async handle({ context, caller, params }) {
    return { body: await revokeAiProvider(context, caller, params.id!) };
  },
});

export const aiProviderHealthRoute = route({
  method: "GET",
  path: `${path}/:id/health`,
  operationId: "getAiProviderHealth",
  summary: "How metered calls have found an AI provider",
  scope: "provisioning:admin",
  response: { status: 200, description: "Its failures, and whose agents they concern", schema: AiProviderHealth },
  problems: ["ai_provider_not_found"],
  async handle({ context, params }) {
    return { body: await aiProviderHealth(context, params.id!) };
  },
});
