import * as z from "zod/mini";
import { Timestamp } from "./primitives.ts";

export const eventTypes = ["audit", "activity", "alert"] as const;
export type EventType = (typeof eventTypes)[number];

export const EventsQuery = z.strictObject({
  types: z
    .optional(
      z.pipe(
        z
          .string()
          .check(
            z.refine(
              (text) => text.split(",").every((type) => (eventTypes as readonly string[]).includes(type)),
              `must be of ${eventTypes.join(", ")}, with commas between`,
            ),
          ),
        z.transform((text: string) => [...new Set(text.split(","))] as EventType[]),
      ),
    )
    .register(z.globalRegistry, {
      description: "Which, with commas between. Default: all that the caller may see; `audit` needs provisioning:admin",
    }),
});

/** `data` of `event: activity`: what was metered since the one before. */
export const ActivityEvent = z.object({
  at: Timestamp,
  requests: z.int(),
  tokens: z.int(),
  denied: z.int(),
  /** The busiest, at most 20. */
  agents: z.array(z.object({ agentId: z.string(), requests: z.int(), tokens: z.int(), denied: z.int() })),
});
export type ActivityEvent = z.infer<typeof ActivityEvent>;

/** `data` of `event: alert`: what webhooks are told. */
export const AlertEvent = z.object({
  id: z.string(),
  type: z.string(),
  timestamp: Timestamp,
  data: z.record(z.string(), z.unknown()),
});
export type AlertEvent = z.infer<typeof AlertEvent>;

export const EventStream = z.string().register(z.globalRegistry, {
  id: "EventStream",
  description:
    "Server-sent events: `audit` (an AuditRecord; its `id` is the event's number), `activity` (every two seconds: at, " +
    "requests, tokens, denied, agents) and `alert` (id, type, timestamp, data). Goes on after `Last-Event-ID`, and ends " +
    "itself after some minutes",
});
