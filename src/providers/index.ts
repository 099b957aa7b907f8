import type { ProviderKind } from "../schema/ai-provider.ts";
import { anthropic } from "./anthropic/wire.ts";
import { gemini } from "./gemini/wire.ts";
import { openai } from "./openai/wire.ts";
import { custom } from "./openai-compatible/wire.ts";
import { openrouter } from "./openrouter/wire.ts";
import type { ProviderWire } from "./shared/wire.ts";

const wires: Record<ProviderKind, ProviderWire> = {
  anthropic,
  openai,
  openrouter,
  gemini,
  litellm: custom,
  custom,
};

export const providerWire = (kind: ProviderKind): ProviderWire => wires[kind];

/** How to speak to a client of whom only the path is known: an unknown slug is answered in OpenAI's shape. */
export const wireOfSlug = (slug: string): ProviderWire =>
  Object.hasOwn(wires, slug) ? wires[slug as ProviderKind] : custom;
