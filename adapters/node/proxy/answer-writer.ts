import { type AdmittedRequest, isEventStream } from "../../../src/proxy/admitted-request.ts";
import { endsEvent } from "../../../src/proxy/error-event.ts";
import type { Refusal } from "../../../src/proxy/refuse.ts";
import type { Scrub } from "../../../src/proxy/scrub.ts";
import type { Ending } from "../../../src/proxy/standings.ts";
import { maxErrorBytes } from "../../../src/proxy/upstream-error.ts";
import type { Meter } from "../../../src/proxy/usage/meter.ts";
import type { ClientAnswer } from "./client-answer.ts";

/** The upstream's connection, as far as the client's pace and departure steer it. */
export interface Source {
  pause(): void;
  resume(): void;
  abort(reason: string): void;
  /** Asks anew, with this body. */
  again(body: Uint8Array | undefined): void;
}

export interface AnswerWriter {
  /** @param head names and values by turns */
  start(status: number, head: string[]): void;
  isStarted(): boolean;
  data(chunk: Uint8Array): void;
  end(): void;
  /** The answer broke off: what came goes on, and then the client's connection breaks off as well. */
  cut(): void;
  /** The answer may not go on: a stream ends with an error, after the event under way; the second call does not wait. */
  stop(ending: Ending): void;
  /** An answer of ours in place of the upstream's. */
  refuse(status: number, message: string): void;
  /**
   * The client has left: it is over, unless the answer is read on to its end.
   * @param sent whether the upstream has the request
   */
  leave(sent: boolean): void;
  /** Nothing more is done for this request. */
  isOver(): boolean;
}

const noBytes = new Uint8Array();
const eventEnd = Buffer.from("\n\n");

/** All that the upstream said of it: names stand at even places, and a value may read like one. */
function contentType(fields: readonly string[]): string | undefined {
  const types: string[] = [];
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === "content-type") types.push(fields[at + 1]!);
  return types.length === 0 ? undefined : types.join(", ");
}

/**
 * Writes an answer as it comes, and settles what it cost. The chunks of one turn of the event loop (often all that a
 * socket held) are metered and written as one.
 */
export function createAnswerWriter(
  admitted: AdmittedRequest,
  client: ClientAnswer,
  source: Source,
  scrub: Scrub,
): AnswerWriter {
  const scrubbed = scrub.stream();
  let status = 0;
  let head: string[] | undefined;
  let meter: Meter | undefined;
  let chunks: Uint8Array[] = [];
  let length = 0;
  let ended = false;
  let scheduled = false;
  let paused = false;
  let stopping: Ending | undefined;
  let lastPassed: Uint8Array = eventEnd;
  let over = false;
  /** Nobody is there any more to write to. */
  let gone = false;

  function gathered(): Uint8Array | undefined {
    if (chunks.length === 0) return undefined;
    const whole = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
    chunks = [];
    length = 0;
    return whole;
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    process.nextTick(flush);
  }

  function flush(): void {
    scheduled = false;
    // Between an error and the answer to what is asked anew there is nothing to write.
    if (over || head === undefined || (status >= 400 && !ended)) return;
    if (ended) {
      if (status >= 400 && !insteadOfError()) return;
      over = true;
      endWith(status >= 400 ? errorBody() : lastPiece());
      return;
    }
    const bytes = gathered();
    const read = bytes && meter ? meter.push(bytes) : bytes;
    const passed = read && scrubbed.push(read);
    // Before the bytes that say so: whoever has seen the answer's end sees its cost.
    if (meter?.isFinal()) admitted.finish(meter);
    if (gone) return;
    const mayGoOn = client.isBegun() ? !passed || client.write(passed) : client.begin(status, head, passed);
    if (!mayGoOn) waitForClient();
    if (passed && passed.length > 0) {
      lastPassed = passed;
      if (stopping && endsEvent(passed)) endStream(stopping);
    }
  }

  function endStream(ending: Ending): void {
    over = true;
    admitted.finish(meter, paused);
    if (!gone) client.end((endsEvent(lastPassed) ? "" : "\n\n") + admitted.errorEvent(ending));
    source.abort("the key may not be used any more");
  }

  function cut(): void {
    flush();
    over = true;
    admitted.finish(meter);
    if (!gone) client.breakOff();
  }

  function lastPiece(): Uint8Array | undefined {
    const bytes = gathered();
    const passed = bytes && meter ? meter.push(bytes) : bytes;
    const held = meter?.end();
    admitted.finish(meter);
    const first = passed && scrubbed.push(passed);
    const second = held && scrubbed.push(held);
    const last = scrubbed.end();
    if (second === undefined && last === undefined) return first;
    return Buffer.concat([first, second, last].filter((part) => part !== undefined));
  }

  /** @returns whether the provider's error is to be handed on */
  function insteadOfError(): boolean {
    if (gone) return true;
    const bytes = gathered() ?? noBytes;
    const instead = admitted.instead(status, bytes);
    if (instead === undefined) {
      if (bytes.length > 0) chunks = [bytes];
      length = bytes.length;
      return true;
    }
    if ("refusal" in instead) {
      admitted.failed(status, bytes);
      send(instead.refusal);
    } else {
      status = 0;
      head = undefined;
      ended = false;
      source.again(instead.again);
    }
    return false;
  }

  function errorBody(): Uint8Array | undefined {
    const bytes = gathered();
    admitted.failed(status, bytes ?? noBytes);
    return bytes && scrub.whole(bytes);
  }

  function endWith(body: Uint8Array | undefined): void {
    if (gone) return;
    if (client.isBegun()) client.end(body);
    else client.whole(status, head!, body);
  }

  function waitForClient(): void {
    if (paused) return;
    paused = true;
    source.pause();
    client.onceDrained(() => {
      paused = false;
      if (!over) source.resume();
    });
  }

  const refuse = (code: number, message: string): void => send(admitted.refuse(code, message));

  function send(refusal: Refusal): void {
    over = true;
    if (gone) return;
    client.whole(refusal.status, Object.entries(refusal.headers).flat(), refusal.body);
  }

  return {
    start(code, fields) {
      status = code;
      head = fields;
      if (code < 400) meter = admitted.meter(contentType(fields));
      schedule();
    },
    isStarted: () => head !== undefined,

    data(chunk) {
      if (over) return;
      chunks.push(chunk);
      length += chunk.length;
      if (status >= 400 && length > maxErrorBytes) {
        admitted.failed(status, undefined);
        refuse(status, "The provider's error is too long to be shown");
        source.abort("the error is too long");
      } else schedule();
    },

    end() {
      ended = true;
      flush();
    },

    cut() {
      if (over) return;
      if (status >= 400) {
        ended = true;
        flush();
        return;
      }
      cut();
    },

    stop(ending) {
      // An error ends by itself, and soon.
      if (over || status >= 400) return;
      if (!isEventStream(contentType(head!))) {
        cut();
        source.abort("the key may not be used any more");
        return;
      }
      const waited = stopping !== undefined;
      stopping = ending;
      flush();
      if (!over && (waited || endsEvent(lastPassed))) endStream(ending);
    },

    refuse,

    leave(sent) {
      gone = true;
      if (sent && admitted.readsOn && status < 400) {
        if (paused) source.resume();
        paused = false;
        return;
      }
      if (status >= 400) admitted.failed(status, gathered() ?? noBytes);
      else {
        const bytes = gathered();
        if (bytes) meter?.push(bytes);
        admitted.finish(head === undefined ? admitted.meter(undefined) : meter, paused);
      }
      over = true;
    },

    isOver: () => over,
  };
}
