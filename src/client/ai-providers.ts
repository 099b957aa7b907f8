import type * as z from "zod/mini";
import type {
  AddAiProvider,
  AiProviderAdded,
  AiProviderHealth,
  AiProviderList,
  AiProviderView,
  RotateAiProvider,
} from "../schema/ai-provider.ts";
import type { CallOptions } from "./call.ts";
import { below, type Requests } from "./requests.ts";

export type AiProviders = z.infer<typeof AiProviderList>;

/** Calls of `client.aiProviders`; `add` and `rotate` are not made again after an answer that was lost. */
export const aiProviderCalls = ({ read, post }: Requests) => ({
  add: (body: AddAiProvider, at?: CallOptions) => post<AiProviderAdded>("/provisioning/ai-providers", body, false, at),
  list: (at?: CallOptions) => read<AiProviders>("/provisioning/ai-providers", undefined, at),
  health: (id: string, at?: CallOptions) =>
    read<AiProviderHealth>(below("provisioning/ai-providers", id, "/health"), undefined, at),
  rotate: (id: string, body: RotateAiProvider, at?: CallOptions) =>
    post<AiProviderAdded>(below("provisioning/ai-providers", id, "/rotate"), body, false, at),
  revoke: (id: string, at?: CallOptions) =>
    post<AiProviderView>(below("provisioning/ai-providers", id, "/revoke"), undefined, true, at),
});
