import { type AdmittedRequest, isEventStream } from "./admitted-request.ts";
import { endsEvent } from "./error-event.ts";
import type { ScrubStream } from "./scrub.ts";
import type { SilenceTimer } from "./silence-timer.ts";
import type { Ending } from "./standings.ts";
import type { Meter } from "./usage/meter.ts";

export interface MeteredStream {
  body: ReadableStream<Uint8Array>;
  /** It may not go on: a stream of events ends with an error, after the event under way; the second call does not wait. */
  stop(ending: Ending): void;
  /** The client has left, and the answer is read to its end. */
  leave(): void;
}

interface StreamParts {
  meter: Meter | undefined;
  scrub: ScrubStream;
  admitted: AdmittedRequest;
  silence: SilenceTimer;
  /** Called when the client has left, and the answer is read on. */
  readsOn(): void;
  /** Called once nothing more comes. */
  done(): void;
  /** The answer's content type. */
  type: string | null;
  /** Whether bytes that had come, and were not decoded, are lost where it has broken off. */
  losesBytes(): boolean;
}

const encoder = new TextEncoder();

/**
 * The answer's own bytes, as they come. Settled on its end, on a cut and when the client leaves; and before the
 * bytes that end it are handed on, so that whoever has seen the answer sees its cost.
 */
export function meteredStream(
  source: ReadableStream<Uint8Array>,
  { meter, scrub, admitted, silence, readsOn, done, type, losesBytes }: StreamParts,
): MeteredStream {
  const reader = source.getReader();
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let waits = false;
  let over = false;
  /** Nobody reads any more, and the answer is read to its end. */
  let gone = false;
  let pulling = false;
  let stopping: Ending | undefined;
  let betweenEvents = true;
  let isLost = false;
  // A stream that fails throws away what had come and was not read.
  reader.closed.catch(() => {
    isLost ||= !waits;
  });

  function close(unread: boolean): void {
    over = true;
    done();
    admitted.finish(meter, unread);
  }

  function pass(bytes: Uint8Array | undefined): boolean {
    if (bytes === undefined || bytes.length === 0) return false;
    controller.enqueue(bytes);
    betweenEvents = endsEvent(bytes);
    return true;
  }

  function endWith(ending: Ending): void {
    close(!waits);
    if (gone) return void reader.cancel().catch(() => {});
    controller.enqueue(encoder.encode((betweenEvents ? "" : "\n\n") + admitted.errorEvent(ending)));
    controller.close();
    reader.cancel().catch(() => {});
  }

  async function pull(): Promise<void> {
    for (;;) {
      // Only while it is waited for: a client that takes its time is not the provider's silence.
      silence.start();
      waits = true;
      const { done: ended, value } = await reader.read();
      waits = false;
      silence.stop();
      if (over) return;
      const read = ended ? meter?.end() : meter ? meter.push(value) : value;
      const passed = gone ? undefined : read && scrub.push(read);
      if (ended) close(false);
      else if (meter?.isFinal()) admitted.finish(meter);
      if (gone && ended) return;
      if (gone) continue;
      const went = pass(passed);
      if (ended) {
        pass(scrub.end());
        controller.close();
        return;
      }
      if (stopping && betweenEvents) return endWith(stopping);
      if (went) return;
    }
  }

  async function pullOrFail(): Promise<void> {
    pulling = true;
    try {
      await pull();
    } catch (error) {
      if (over) return;
      close(isLost || losesBytes());
      controller.error(error);
    } finally {
      pulling = false;
    }
  }

  function leave(): void {
    if (over || gone) return;
    gone = true;
    readsOn();
    controller.error(new Error("the client left"));
    if (!pulling) void pullOrFail();
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start(started) {
        controller = started;
      },
      pull: pullOrFail,
      async cancel(reason) {
        if (admitted.readsOn) return leave();
        // While nothing is waited for, more may have come than was read.
        close(!waits);
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );

  return {
    body,
    leave,
    stop(ending) {
      if (over) return;
      if (!isEventStream(type)) {
        close(!waits);
        controller.error(new Error(ending.message));
        reader.cancel().catch(() => {});
        return;
      }
      const waited = stopping !== undefined;
      stopping = ending;
      if (gone || waited || betweenEvents) endWith(ending);
    },
  };
}
