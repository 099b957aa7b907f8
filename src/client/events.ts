import type { EventType } from "../schema/event.ts";
import { type CallOptions, type CallSettings, openStream } from "./call.ts";
import { readEventStream, type ServerEvent } from "./event-stream.ts";

/** A choice among the kinds of events. */
export interface EventsQuery {
  /** Default: all that the caller may see. */
  types?: readonly EventType[] | undefined;
}

/** With `lastEventId` the stream goes on behind that event. */
export interface EventsOptions extends CallOptions {
  /** The `id` of the last event that was seen. */
  lastEventId?: string | undefined;
}

/** @throws ClientError where the stream cannot be had; one that breaks off ends */
export async function* streamEvents(
  settings: CallSettings,
  { types }: EventsQuery,
  { lastEventId, signal }: EventsOptions,
): AsyncGenerator<ServerEvent> {
  const body = await openStream(
    {
      method: "GET",
      path: "/events",
      query: { types: types?.join(",") },
      headers: {
        accept: "text/event-stream",
        ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
      },
      repeatable: true,
      signal,
    },
    settings,
  );
  try {
    yield* readEventStream(body);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    // An event that came whole and cannot be read is no broken connection.
    if (error instanceof SyntaxError) throw error;
  }
}
