import { isProviderKind, type ProviderKind } from "../domain/provider-facts.ts";
import { anthropic } from "./anthropic/index.ts";
import { gemini } from "./gemini/index.ts";
import { litellm } from "./litellm/index.ts";
import { openai } from "./openai/index.ts";
import { custom } from "./openai-compatible/index.ts";
import { openrouter } from "./openrouter/index.ts";
import type { Provider } from "./provider.ts";
import type { ProviderWire } from "./shared/wire.ts";

/** Every kind of `domain/provider-facts.ts`; the compiler asks for one that is missing. */
export const providers: Record<ProviderKind, Provider> = { anthropic, openai, openrouter, gemini, litellm, custom };

/** How to speak to a client of whom only the path is known: an unknown slug is answered in OpenAI's shape. */
export const wireOfSlug = (slug: string): ProviderWire => providers[isProviderKind(slug) ? slug : "custom"].wire;
