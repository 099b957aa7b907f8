import { readEventStream, type ServerEvent } from "../../client/event-stream.ts";
import { send } from "./api.ts";

const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
/** A server that is there says so every 15 seconds. */
const longestSilenceMs = 60_000;

/** Fails after a long silence: a connection that was lost on its way ends nowhere else. */
function audible(body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listen = (controller: TransformStreamDefaultController<Uint8Array>) => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.error(new Error("silence")), longestSilenceMs);
  };
  return body.pipeThrough(
    new TransformStream({
      start: listen,
      transform(chunk, controller) {
        listen(controller);
        controller.enqueue(chunk);
      },
      flush: () => clearTimeout(timer),
    }),
  );
}

/** Ends early where the browser has a network again, and with `signal`. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      removeEventListener("online", go);
      signal.removeEventListener("abort", go);
      resolve();
    };
    const timer = setTimeout(go, ms);
    addEventListener("online", go);
    signal.addEventListener("abort", go);
  });

/**
 * Follows `/events`, again and again, until `signal` is aborted. An EventSource cannot send a bearer.
 * @param onState hears whether the stream is there
 */
export async function followEvents(
  path: string,
  signal: AbortSignal,
  onEvent: (event: ServerEvent) => void,
  onState: (live: boolean) => void,
): Promise<void> {
  let lastId: string | undefined;
  for (let pauseMs = firstPauseMs; !signal.aborted; ) {
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (lastId !== undefined) headers["last-event-id"] = lastId;
      const { body } = await send(path, { signal, headers });
      if (!body) throw new Error("no stream");
      onState(true);
      pauseMs = firstPauseMs;
      for await (const event of readEventStream(audible(body))) {
        lastId = event.id ?? lastId;
        onEvent(event);
      }
    } catch {
      // Tried again below: a refusal that stays, stays with longer and longer pauses.
      pauseMs = Math.min(longestPauseMs, pauseMs * 2);
    }
    onState(false);
    if (!signal.aborted) await pause(pauseMs, signal);
  }
}
