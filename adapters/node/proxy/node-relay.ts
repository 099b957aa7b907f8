import type { Transform } from "node:stream";
import type { Log } from "../../../src/ports.ts";
import type { AdmittedRequest } from "../../../src/proxy/admitted-request.ts";
import { createScrubs, type Scrub } from "../../../src/proxy/scrub.ts";
import type { Ending, Standing } from "../../../src/proxy/standings.ts";
import {
  brokenOffMessage,
  redirectMessage,
  timeoutMessage,
  unreachableMessage,
} from "../../../src/proxy/upstream-error.ts";
import { isProxyFailure, type OutgoingProxies, outgoingRemedy } from "../outgoing-proxies.ts";
import { type AnswerHeaders, type ExchangeControl, type ExchangeHandler, UpstreamFault } from "../upstream/exchange.ts";
import { answerHead, decoderOf } from "./answer-head.ts";
import { type AnswerOwner, AnswerWriter } from "./answer-writer.ts";
import type { ClientAnswer } from "./client-answer.ts";
import type { OpenRequest, StreamWatch } from "./stream-watch.ts";
import type { Upstreams } from "./upstreams.ts";

const scrubOf = createScrubs();

/** The connections and the watch that all relayed requests share. */
export interface RelayTools {
  upstreams: Upstreams;
  proxies: OutgoingProxies | undefined;
  watch: StreamWatch;
  log: Log;
}

/** Sends what was granted, and streams the answer back. Each way out settles the admitted request. */
export function relay(admitted: AdmittedRequest, client: ClientAnswer, tools: RelayTools): void {
  new Relay(admitted, client, tools).begin();
}

class Relay implements ExchangeHandler, AnswerOwner, OpenRequest {
  place = -1;
  readonly #admitted: AdmittedRequest;
  readonly #client: ClientAnswer;
  readonly #tools: RelayTools;
  readonly #scrub: Scrub;
  readonly #answer: AnswerWriter;
  #control: ExchangeControl | undefined;
  #decoder: Transform | undefined;
  #isDecoded = false;
  /** The client is gone, or was answered without the provider. */
  #isLeft = false;
  #isClosed = false;

  constructor(admitted: AdmittedRequest, client: ClientAnswer, tools: RelayTools) {
    this.#admitted = admitted;
    this.#client = client;
    this.#tools = tools;
    this.#scrub = scrubOf(admitted.masterKeys);
    this.#answer = new AnswerWriter(admitted, client, this, this.#scrub);
  }

  begin(): void {
    this.#tools.watch.add(this);
    this.#client.onceClosed(() => this.#clientLeft());
    if (this.#client.isClosed()) this.#clientLeft();
    else this.#dispatch(this.#admitted.body ?? null);
  }

  get standing(): Standing {
    return this.#admitted.standing;
  }

  charged(): number {
    return this.#admitted.charged();
  }

  /** The key, or the provider, may not be used any more, or the server stops. */
  stop(ending: Ending, reason: "revoked" | "drained"): void {
    const answer = this.#answer;
    if (answer.isOver()) return;
    if (answer.isStarted()) answer.stop(ending);
    else {
      this.#isLeft = true;
      if (this.#control === undefined) this.#admitted.release(reason);
      else this.#admitted.abandon(reason);
      answer.refuse(ending.status, ending.message);
      this.abort(reason);
    }
  }

  isAlone(): boolean {
    return this.#tools.watch.size() <= 1;
  }

  /** The watch ends once nobody is there to write to, and nothing more to read. */
  over(): void {
    if (this.#isClosed) this.#tools.watch.remove(this);
  }

  pause(): void {
    // A decoder makes a thousand bytes of one: held back behind it, they would all be in memory.
    (this.#decoder ?? this.#control)?.pause();
  }

  resume(): void {
    (this.#decoder ?? this.#control)?.resume();
  }

  abort(reason: string): void {
    this.#control?.abort(new Error(reason));
  }

  again(body: Uint8Array | undefined): void {
    this.#control = undefined;
    this.#decoder = undefined;
    this.#isDecoded = false;
    this.#dispatch(body ?? null);
  }

  onRequestStart(control: ExchangeControl): void {
    this.#control = control;
    if (this.#isLeft) this.abort("the client left");
  }

  onResponseStart(control: ExchangeControl, status: number, headers: AnswerHeaders): void {
    const answer = this.#answer;
    if (status < 200 || answer.isOver()) return;
    if (status >= 300 && status < 400) {
      this.#admitted.refused("redirect");
      answer.refuse(502, redirectMessage);
      control.abort(new Error("a redirect is not followed"));
      return;
    }
    const decoder = decoderOf(headers);
    this.#decoder = decoder;
    decoder
      ?.on("data", (bytes: Buffer) => answer.data(bytes))
      .on("drain", () => control.resume())
      .on("end", () => answer.end())
      .on("error", () => {
        answer.cut(true);
        control.abort(new Error("the answer cannot be decoded"));
      });
    answer.start(status, answerHead(headers, this.#admitted, this.#scrub, decoder !== undefined));
  }

  onResponseData(control: ExchangeControl, chunk: Buffer): void {
    if (this.#decoder) {
      this.#isDecoded = true;
      if (!this.#decoder.write(chunk)) control.pause();
    } else this.#answer.data(chunk);
  }

  onResponseEnd(): void {
    // An empty body has nothing to decode.
    if (this.#decoder && this.#isDecoded) this.#decoder.end();
    else this.#answer.end();
  }

  onResponseError(_: ExchangeControl | undefined, error: Error): void {
    const answer = this.#answer;
    if (answer.isOver()) return;
    if (answer.isStarted()) {
      answer.cut(this.#isDecoded);
      return;
    }
    const admitted = this.#admitted;
    const { proxies, log } = this.#tools;
    const { code = error.message } = error as { code?: string };
    const late = code === "silent" || code === "UND_ERR_HEADERS_TIMEOUT";
    const sent = this.#control !== undefined && !isProxyFailure(error);
    if (!sent) admitted.release("unreachable");
    else admitted.abandon(late ? "timeout" : "broken_off");
    const remedy = outgoingRemedy(error, admitted.origin, proxies);
    const fields = {
      origin: admitted.origin,
      requestId: admitted.requestId,
      error: code,
      ...(error instanceof UpstreamFault && { detail: error.message }),
      ...(remedy && { remedy }),
    };
    log("warn", sent ? "the AI provider did not answer" : "the AI provider could not be reached", fields);
    if (code === "unsendable" || (code === "UND_ERR_INVALID_ARG" && !isProxyFailure(error)))
      answer.refuse(400, "The request has a header that cannot be forwarded");
    else if (late) answer.refuse(504, timeoutMessage);
    else answer.refuse(502, sent ? brokenOffMessage : unreachableMessage);
  }

  #dispatch(body: Uint8Array | null): void {
    const { origin, path, method, headers } = this.#admitted;
    this.#tools.upstreams.to(origin).dispatch({ path, method, headers, body }, this);
  }

  #clientLeft(): void {
    this.#isClosed = true;
    const answer = this.#answer;
    if (answer.isOver()) {
      this.over();
      return;
    }
    // Never sent, it costs nothing; sent, it may cost what was reserved.
    if (this.#control === undefined) this.#admitted.release("client_left");
    answer.leave(this.#control !== undefined, this.#isDecoded);
    if (!answer.isOver()) return;
    this.#isLeft = true;
    this.#decoder?.destroy();
    this.abort("the client left");
  }
}
