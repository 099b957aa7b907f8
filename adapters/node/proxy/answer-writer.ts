import { type AdmittedRequest, isEventStream } from "../../../src/proxy/admitted-request.ts";
import { endsEvent } from "../../../src/proxy/error-event.ts";
import type { Refusal } from "../../../src/proxy/refuse.ts";
import type { Scrub, ScrubStream } from "../../../src/proxy/scrub.ts";
import type { Ending } from "../../../src/proxy/standings.ts";
import { maxErrorBytes } from "../../../src/proxy/upstream-error.ts";
import type { Meter } from "../../../src/proxy/usage/meter.ts";
import { createTurnBatch } from "../turn-batch.ts";
import type { ClientAnswer } from "./client-answer.ts";

/** The request's side of its answer. */
export interface AnswerOwner {
  /** Whether no other request is under way. */
  isAlone(): boolean;
  /** Called when nothing more is done for the answer. */
  over(): void;
  pause(): void;
  resume(): void;
  abort(reason: string): void;
  /** Asks the upstream anew, with this body. */
  again(body: Uint8Array | undefined): void;
}

/** Bytes: a socket that is full is read several times in one turn, and a client may be slow. */
const maxGathered = 65_536;
const noBytes = new Uint8Array();
const eventEnd = Buffer.from("\n\n");

/** All that the upstream said of it: names stand at even places, and a value may read like one. */
function contentType(fields: readonly string[]): string | undefined {
  const types: string[] = [];
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === "content-type") types.push(fields[at + 1]!);
  return types.length === 0 ? undefined : types.join(", ");
}

const flush = (writer: AnswerWriter): void => writer.flush();
const flushTogether = createTurnBatch(flush, setImmediate);

/**
 * Writes an answer as it comes, and settles what it cost. The chunks of one turn of the event loop (often all that a
 * socket held) are metered and written as one.
 */
export class AnswerWriter {
  readonly #admitted: AdmittedRequest;
  readonly #client: ClientAnswer;
  readonly #owner: AnswerOwner;
  readonly #scrub: Scrub;
  readonly #scrubbed: ScrubStream;
  #status = 0;
  #head: string[] | undefined;
  #meter: Meter | undefined;
  #chunks: Uint8Array[] = [];
  #length = 0;
  #isEnded = false;
  #isScheduled = false;
  #isPaused = false;
  #stopping: Ending | undefined;
  #lastPassed: Uint8Array = eventEnd;
  #isOver = false;
  /** Nobody is there any more to write to. */
  #isGone = false;

  constructor(admitted: AdmittedRequest, client: ClientAnswer, owner: AnswerOwner, scrub: Scrub) {
    this.#admitted = admitted;
    this.#client = client;
    this.#owner = owner;
    this.#scrub = scrub;
    this.#scrubbed = scrub.stream();
  }

  isStarted(): boolean {
    return this.#head !== undefined;
  }

  /** Nothing more is done for this request. */
  isOver(): boolean {
    return this.#isOver;
  }

  /** @param head names and values by turns */
  start(status: number, head: string[]): void {
    this.#status = status;
    this.#head = head;
    if (status < 400) this.#meter = this.#admitted.meter(contentType(head));
    this.#schedule();
  }

  data(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#status >= 400 && this.#length > maxErrorBytes) {
      this.#unread("is too long to be shown");
      this.#owner.abort("the error is too long");
    } else if (this.#length < maxGathered) this.#schedule();
    else this.flush();
  }

  end(): void {
    this.#isEnded = true;
    this.#schedule();
  }

  /**
   * The answer broke off: what came goes on, and then the client's connection breaks off as well.
   * @param isCompressed an error's rest cannot be read then, and of a stream not all that came
   */
  cut(isCompressed: boolean): void {
    if (this.#isOver) return;
    if (this.#status < 400) this.#cut(isCompressed);
    else if (isCompressed) this.#unread("cannot be decoded");
    else this.end();
  }

  /** The answer may not go on: a stream ends with an error, after the event under way; the second call does not wait. */
  stop(ending: Ending): void {
    // An answer that is whole is about to be written, and an error ends by itself, and soon.
    if (this.#isOver || this.#isEnded || this.#status >= 400) return;
    if (!isEventStream(contentType(this.#head!))) {
      this.#cut();
      this.#owner.abort("the key may not be used any more");
      return;
    }
    const waited = this.#stopping !== undefined;
    this.#stopping = ending;
    this.flush();
    if (!this.#isOver && (waited || endsEvent(this.#lastPassed))) this.#endStream(ending);
  }

  /** An answer of ours in place of the upstream's. */
  refuse(status: number, message: string): void {
    this.#send(this.#admitted.refuse(status, message));
  }

  /**
   * The client has left: it is over, unless the answer is read on to its end.
   * @param sent whether the upstream has the request
   * @param isCompressed an error's rest cannot be read then
   */
  leave(sent: boolean, isCompressed = false): void {
    this.#isGone = true;
    // All of it is here.
    if (this.#isEnded) this.flush();
    if (this.#isOver) return;
    const admitted = this.#admitted;
    if (sent && admitted.readsOn && this.#status < 400) {
      if (this.#isPaused) this.#owner.resume();
      this.#isPaused = false;
      return;
    }
    if (this.#status >= 400) admitted.failed(this.#status, isCompressed ? undefined : (this.#gathered() ?? noBytes));
    else {
      const bytes = this.#gathered();
      if (bytes) this.#meter?.push(bytes);
      admitted.finish(this.#head === undefined ? admitted.meter(undefined) : this.#meter, this.#isPaused);
    }
    this.#over();
  }

  /** Writes what has come. */
  flush(): void {
    this.#isScheduled = false;
    const status = this.#status;
    // Between an error and the answer to what is asked anew there is nothing to write.
    if (this.#isOver || this.#head === undefined || (status >= 400 && !this.#isEnded)) return;
    if (this.#isEnded) {
      if (status >= 400 && !this.#insteadOfError()) return;
      this.#over();
      this.#endWith(status >= 400 ? this.#errorBody() : this.#lastPiece());
      return;
    }
    const bytes = this.#gathered();
    const meter = this.#meter;
    const read = bytes && meter ? meter.push(bytes) : bytes;
    const passed = read && this.#scrubbed.push(read);
    // Before the bytes that say so: whoever has seen the answer's end sees its cost.
    if (meter?.isFinal()) this.#admitted.finish(meter);
    if (this.#isGone) return;
    const client = this.#client;
    const mayGoOn = client.isBegun() ? !passed || client.write(passed) : client.begin(status, this.#head, passed);
    if (!mayGoOn) this.#waitForClient();
    if (passed && passed.length > 0) {
      this.#lastPassed = passed;
      if (this.#stopping && endsEvent(passed)) this.#endStream(this.#stopping);
    }
  }

  #unread(why: string): void {
    this.#admitted.failed(this.#status, undefined);
    this.refuse(this.#status, `The provider's error ${why}`);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    if (this.#owner.isAlone()) process.nextTick(flush, this);
    else flushTogether(this);
  }

  #over(): void {
    this.#isOver = true;
    this.#owner.over();
  }

  #gathered(): Uint8Array | undefined {
    const chunks = this.#chunks;
    if (chunks.length === 0) return undefined;
    const whole = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, this.#length);
    this.#chunks = [];
    this.#length = 0;
    return whole;
  }

  #endStream(ending: Ending): void {
    this.#over();
    this.#admitted.finish(this.#meter, this.#isPaused);
    if (!this.#isGone) {
      this.#client.end((endsEvent(this.#lastPassed) ? "" : "\n\n") + this.#admitted.errorEvent(ending));
    }
    this.#owner.abort("the key may not be used any more");
  }

  #cut(unread = false): void {
    this.flush();
    this.#over();
    this.#admitted.finish(this.#meter, unread);
    if (!this.#isGone) this.#client.breakOff();
  }

  #lastPiece(): Uint8Array | undefined {
    const meter = this.#meter;
    const bytes = this.#gathered();
    const passed = bytes && meter ? meter.push(bytes) : bytes;
    const held = meter?.end();
    this.#admitted.finish(meter);
    const first = passed && this.#scrubbed.push(passed);
    const second = held && this.#scrubbed.push(held);
    const last = this.#scrubbed.end();
    if (second === undefined && last === undefined) return first;
    return Buffer.concat([first, second, last].filter((part) => part !== undefined));
  }

  /** @returns whether the provider's error is to be handed on */
  #insteadOfError(): boolean {
    if (this.#isGone) return true;
    const bytes = this.#gathered() ?? noBytes;
    const instead = this.#admitted.instead(this.#status, bytes);
    if (instead === undefined) {
      if (bytes.length > 0) this.#chunks = [bytes];
      this.#length = bytes.length;
      return true;
    }
    if ("refusal" in instead) {
      this.#admitted.failed(this.#status, bytes);
      this.#send(instead.refusal);
    } else {
      this.#status = 0;
      this.#head = undefined;
      this.#isEnded = false;
      this.#owner.again(instead.again);
    }
    return false;
  }

  #errorBody(): Uint8Array | undefined {
    const bytes = this.#gathered();
    this.#admitted.failed(this.#status, bytes ?? noBytes);
    return bytes && this.#scrub.whole(bytes);
  }

  #endWith(body: Uint8Array | undefined): void {
    if (this.#isGone) return;
    if (this.#client.isBegun()) this.#client.end(body);
    else this.#client.whole(this.#status, this.#head!, body);
  }

  #waitForClient(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#owner.pause();
    this.#client.onceDrained(() => {
      this.#isPaused = false;
      if (!this.#isOver) this.#owner.resume();
    });
  }

  #send({ status, headers, body }: Refusal): void {
    this.#over();
    if (!this.#isGone) this.#client.whole(status, Object.entries(headers).flat(), body);
  }
}
