import { Problem } from "../errors.ts";
import { route } from "../http/call.ts";
import { credentialsStand } from "../http/credentials-stand.ts";
import { EventStream, EventsQuery, type EventType, eventTypes } from "../schema/event.ts";
import type { Caller } from "../service/caller.ts";
import { eventStream } from "../service/events/event-stream.ts";

export const streamEventsRoute = route({
  method: "GET",
  path: "/events",
  operationId: "streamEvents",
  summary: "Follow what happens: the trail, the activity of agents, and alerts",
  scope: "token",
  query: EventsQuery,
  response: {
    status: 200,
    description: "A stream of server-sent events",
    schema: EventStream,
    contentType: "text/event-stream",
  },
  problems: ["scope_missing"],
  headers: [{ name: "Last-Event-ID", description: "The `id` of the last event of the stream before" }],
  async handle({ context, caller, query, headers }) {
    const types = query.types ?? eventTypes.filter((type) => type !== "audit" || administers(caller));
    refuseUnseen(caller, types);
    const mayGoOn = credentialsStand(context, caller, headers);
    const lastEventId = headers.get("last-event-id") ?? undefined;
    return {
      // Proxies hold answers back until there is much of them.
      headers: { "content-type": "text/event-stream", "x-accel-buffering": "no" },
      body: eventStream(context, { types, lastEventId, mayGoOn }),
    };
  },
});

const administers = ({ scopes }: Caller): boolean => scopes.includes("provisioning:admin");

/** @throws Problem `scope_missing` */
function refuseUnseen(caller: Caller, types: readonly EventType[]): void {
  if (caller.reach === "own") {
    throw new Problem("scope_missing", "The key reaches the agents that it made, and events are of all.");
  }
  if (types.includes("audit") && !administers(caller)) {
    throw new Problem(
      "scope_missing",
      "The events of the audit trail need a provisioning key with the scope provisioning:admin; ask for " +
        "types=activity,alert without it.",
    );
  }
}
