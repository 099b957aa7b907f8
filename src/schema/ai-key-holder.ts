import * as z from "zod/mini";
import { aiKeyModes } from "./ai-key.ts";
import { Count, Timestamp } from "./primitives.ts";
import { QuotaStates } from "./quota.ts";

/** The holder's view of an AI key: neither the agent's id nor the payer. */
export const AiKeyHolder = z
  .object({
    keyId: z.string(),
    provider: z.string(),
    mode: z.enum(aiKeyModes),
    status: z.enum(["active", "suspended"]),
    models: z.optional(z.array(z.string())),
    expiresAt: z.optional(Timestamp),
    quotas: QuotaStates,
    /** From the first day of this month to today, in UTC. */
    month: z.object({ requests: Count, tokens: Count }),
  })
  .register(z.globalRegistry, { id: "AiKeyHolder" });
export type AiKeyHolder = z.infer<typeof AiKeyHolder>;
