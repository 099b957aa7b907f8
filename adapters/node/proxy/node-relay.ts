import type { Transform } from "node:stream";
import type { Log } from "../../../src/ports.ts";
import type { AdmittedRequest } from "../../../src/proxy/admitted-request.ts";
import { createScrubs } from "../../../src/proxy/scrub.ts";
import type { Ending } from "../../../src/proxy/standings.ts";
import {
  brokenOffMessage,
  redirectMessage,
  timeoutMessage,
  unreachableMessage,
} from "../../../src/proxy/upstream-error.ts";
import { isProxyFailure, type OutgoingProxies, outgoingRemedy } from "../outgoing-proxies.ts";
import { type ExchangeControl, type ExchangeHandler, UpstreamFault } from "../upstream/exchange.ts";
import { answerHead, decoderOf } from "./answer-head.ts";
import { createAnswerWriter, type Source } from "./answer-writer.ts";
import type { ClientAnswer } from "./client-answer.ts";
import type { StreamWatch } from "./stream-watch.ts";
import type { Upstreams } from "./upstreams.ts";

const scrubOf = createScrubs();

export interface RelayTools {
  upstreams: Upstreams;
  proxies: OutgoingProxies | undefined;
  watch: StreamWatch;
  log: Log;
}

/** Sends what was granted, and streams the answer back. Each way out settles the admitted request. */
export function relay(
  admitted: AdmittedRequest,
  client: ClientAnswer,
  { upstreams, proxies, watch, log }: RelayTools,
): void {
  let controller: ExchangeControl | undefined;
  let decoder: Transform | undefined;
  let decoded = false;
  let left = false;
  let closed = false;

  const scrub = scrubOf(admitted.masterKeys);
  const source: Source = {
    // A decoder makes a thousand bytes of one: held back behind it, they would all be in memory.
    pause: () => (decoder ?? controller)?.pause(),
    resume: () => (decoder ?? controller)?.resume(),
    abort: (reason) => controller?.abort(new Error(reason)),
    again(body) {
      decoder = undefined;
      decoded = false;
      send(body ?? null);
    },
  };
  const answer = createAnswerWriter(admitted, client, source, scrub);

  const watched = watch.add({ standing: admitted.standing, stop, charged: admitted.charged });

  /** The key, or the provider, may not be used any more, or the server stops. */
  function stop(ending: Ending, reason: "revoked" | "drained"): void {
    if (answer.isOver()) return;
    if (answer.isStarted()) answer.stop(ending);
    else {
      left = true;
      if (controller === undefined) admitted.release(reason);
      else admitted.abandon(reason);
      answer.refuse(ending.status, ending.message);
      controller?.abort(new Error(reason));
    }
    unwatch();
  }

  /** Once nobody is there to write to, and nothing more to read. */
  function unwatch(): void {
    if (closed && answer.isOver()) watched();
  }

  function clientLeft(): void {
    closed = true;
    unwatch();
    if (answer.isOver()) return;
    // Never sent, it costs nothing; sent, it may cost what was reserved.
    if (controller === undefined) admitted.release("client_left");
    answer.leave(controller !== undefined);
    if (!answer.isOver()) return;
    unwatch();
    left = true;
    decoder?.destroy();
    controller?.abort(new Error("the client left"));
  }
  client.onceClosed(clientLeft);
  if (client.isClosed()) {
    clientLeft();
    return;
  }

  function end(): void {
    answer.end();
    unwatch();
  }

  const handler: ExchangeHandler = {
    onRequestStart(started) {
      controller = started;
      if (left) started.abort(new Error("the client left"));
    },

    onResponseStart(started, code, headers) {
      if (code < 200 || answer.isOver()) return;
      if (code >= 300 && code < 400) {
        admitted.refused("redirect");
        answer.refuse(502, redirectMessage);
        started.abort(new Error("a redirect is not followed"));
        return;
      }
      decoder = decoderOf(headers);
      decoder
        ?.on("data", answer.data)
        .on("drain", () => started.resume())
        .on("end", end)
        .on("error", () => {
          answer.cut();
          unwatch();
          started.abort(new Error("the answer cannot be decoded"));
        });
      answer.start(code, answerHead(headers, admitted, scrub, decoder !== undefined));
    },

    onResponseData(started, chunk) {
      if (decoder) {
        decoded = true;
        if (!decoder.write(chunk)) started.pause();
      } else answer.data(chunk);
    },

    onResponseEnd() {
      // An empty body has nothing to decode.
      if (decoder && decoded) decoder.end();
      else end();
    },

    onResponseError(_, error) {
      if (answer.isOver()) return;
      if (answer.isStarted()) {
        answer.cut();
        unwatch();
        return;
      }
      const { code = error.message } = error as { code?: string };
      const late = code === "silent" || code === "UND_ERR_HEADERS_TIMEOUT";
      const sent = controller !== undefined && !isProxyFailure(error);
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
      unwatch();
    },
  };

  const send = (body: Uint8Array | null): void => {
    const { path, method, headers } = admitted;
    upstreams.to(admitted.origin).dispatch({ path, method, headers, body }, handler);
  };
  send(admitted.body ?? null);
}
