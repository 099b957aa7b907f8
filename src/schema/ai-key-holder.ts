import * as z from "zod/mini";
import { aiKeyModes } from "./ai-key.ts";
import { Timestamp } from "./primitives.ts";
import { QuotaStates } from "./quota.ts";

const count = z.int().check(z.minimum(0));

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
    month: z.object({ requests: count, tokens: count }),
  })
  .register(z.globalRegistry, { id: "AiKeyHolder" });
export type AiKeyHolder = z.infer<typeof AiKeyHolder>;
