import * as z from "zod/mini";
import { Timestamp } from "./primitives.ts";

export const GatewayView = z
  .object({
    /** As creates name it; where the deployment has its agents itself, an id of its own. */
    id: z.string(),
    labels: z.optional(z.record(z.string(), z.string())),
    reachable: z.boolean(),
    version: z.optional(z.string()),
    /** The kind of its host. */
    host: z.optional(z.string()),
    /**
     * All of them, those that others made included; of one that is silent, as it was last known. For a key of reach
     * `own`, its own.
     */
    agents: z.int(),
    maxAgents: z.optional(z.int()),
    /** How many more it may have; absent where nothing bounds it, and for a key of reach `own`, as is `used`. */
    room: z.optional(z.int()),
    /** `agents` over `maxAgents`. */
    used: z.optional(z.number()),
    /** It takes no new agents. */
    cordoned: z.boolean(),
    /** When OpenClaw took up a change of its configuration last, and the milliseconds from the write until then. */
    lastReload: z.optional(z.object({ at: Timestamp, ms: z.int() })),
  })
  .register(z.globalRegistry, { id: "Gateway" });
export type GatewayView = z.infer<typeof GatewayView>;

export const GatewayList = z
  .object({ gateways: z.array(GatewayView) })
  .register(z.globalRegistry, { id: "GatewayList" });
export type GatewayList = z.infer<typeof GatewayList>;

export const GatewayCordoned = z
  .object({ id: z.string(), cordoned: z.boolean() })
  .register(z.globalRegistry, { id: "GatewayCordoned" });
export type GatewayCordoned = z.infer<typeof GatewayCordoned>;
