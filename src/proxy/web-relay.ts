import { neverConnected } from "../domain/never-connected.ts";
import type { Context } from "../service/context.ts";
import { type AdmittedRequest, isEventStream } from "./admitted-request.ts";
import { answerGuards, connectionNames, eventStreamFields, isForwardedBack, ownRequestId } from "./headers.ts";
import { type MeteredStream, meteredStream } from "./metered-stream.ts";
import type { Refusal } from "./refuse.ts";
import { createScrubs, type Scrub } from "./scrub.ts";
import { SilenceError, silenceTimer } from "./silence-timer.ts";
import type { Ending, Standing, Standings } from "./standings.ts";
import {
  brokenOffMessage,
  maxErrorBytes,
  redirectMessage,
  timeoutMessage,
  unreachableMessage,
} from "./upstream-error.ts";
import { joined } from "./usage/byte-capture.ts";

const scrubOf = createScrubs();

/** The refusal as the Web's `Response`. */
export const respond = ({ status, headers, body }: Refusal): Response => new Response(body, { status, headers });

/** The key, or the provider, may not be used any more. */
class Ended extends Error {
  readonly ending: Ending;
  constructor(ending: Ending) {
    super(ending.message);
    this.ending = ending;
  }
}

const clientLeft: Ending = { status: 499, message: "the client left" };
const lookEveryMs = 1_250;
/** A Worker's invocation has a budget of calls, of which the settlement needs one: a long stream is looked at less. */
const frequentLooks = 300;
const laterEveryMs = 30_000;

/** On the edge no request can look for another one. */
function watchAlone({ fallen }: Standings, standing: Standing, stop: (ending: Ending) => void): () => void {
  let looks = 0;
  let timer: ReturnType<typeof setTimeout>;
  let watches = true;
  const schedule = () => {
    timer = setTimeout(look, looks++ < frequentLooks ? lookEveryMs : laterEveryMs);
  };
  async function look(): Promise<void> {
    const ending = (await fallen([standing])).get(standing);
    if (!watches) return;
    if (ending) stop(ending);
    schedule();
  }
  schedule();
  return () => {
    watches = false;
    clearTimeout(timer);
  };
}

/** Sends what was granted, and streams the answer back. Each way out settles the admitted request. Never rejects. */
export async function relay(
  context: Context,
  standings: Standings,
  admitted: AdmittedRequest,
  client: AbortSignal,
): Promise<Response> {
  const { silenceTimeoutMs } = context.settings.provisioning.proxy;
  if (client.aborted) {
    admitted.release("client_left");
    return new Response(null, { status: 499 });
  }
  const controller = new AbortController();
  let streamed: MeteredStream | undefined;
  const leave = () => {
    if (!admitted.readsOn) controller.abort();
    else if (streamed) streamed.leave();
    else readsOn();
  };
  client.addEventListener("abort", leave);
  const silence = silenceTimer(controller, silenceTimeoutMs);
  silence.start();
  const stop = (ending: Ending): void => (streamed ? streamed.stop(ending) : controller.abort(new Ended(ending)));
  const unwatch = watchAlone(standings, admitted.standing, stop);
  const reading = Promise.withResolvers<void>();
  let cut: ReturnType<typeof setTimeout> | undefined;
  // A Worker whose client has left ends otherwise, and in the end all the same: what is open then is never settled.
  const readsOn = () => {
    context.background(reading.promise);
    if (context.backgroundMs !== undefined) cut ??= setTimeout(() => stop(clientLeft), context.backgroundMs);
  };
  const done = () => {
    reading.resolve();
    clearTimeout(cut);
    unwatch();
    silence.stop();
    client.removeEventListener("abort", leave);
  };

  const ask = (body: Uint8Array | undefined) =>
    context.fetch(admitted.origin + admitted.path, {
      method: admitted.method,
      headers: pairs(admitted.headers),
      body: body ?? null,
      // The master key goes to the address that the operator gave, and nowhere else.
      redirect: "manual",
      signal: controller.signal,
    } as RequestInit);
  let upstream: Response;
  let failure: Uint8Array | undefined;
  try {
    for (let body = admitted.body; ; ) {
      upstream = await ask(body);
      failure = upstream.status >= 400 ? await errorBody(upstream) : undefined;
      const instead = failure && !client.aborted && admitted.instead(upstream.status, failure);
      if (!instead) break;
      if ("refusal" in instead) {
        done();
        admitted.failed(upstream.status, failure);
        return respond(instead.refusal);
      }
      body = instead.again;
    }
  } catch (error) {
    done();
    if (client.aborted) {
      // It was sent: what it costs by now is anybody's guess.
      admitted.finish(admitted.meter(null));
      return new Response(null, { status: 499 });
    }
    const { reason } = controller.signal;
    if (reason instanceof Ended) {
      admitted.abandon("revoked");
      return respond(admitted.refuse(reason.ending.status, reason.ending.message));
    }
    const timedOut = reason instanceof SilenceError;
    const sent = timedOut || !failedBeforeSending(error);
    if (sent) admitted.abandon(timedOut ? "timeout" : "broken_off");
    else admitted.release("unreachable");
    context.log("warn", sent ? "the AI provider did not answer" : "the AI provider could not be reached", {
      origin: admitted.origin,
      requestId: admitted.requestId,
      error: error instanceof Error ? error.message : String(error),
    });
    if (timedOut) return respond(admitted.refuse(504, timeoutMessage));
    return respond(admitted.refuse(502, sent ? brokenOffMessage : unreachableMessage));
  }

  if (upstream.status < 200 || (upstream.status >= 300 && upstream.status < 400)) {
    done();
    admitted.refused("redirect");
    await upstream.body?.cancel();
    return respond(admitted.refuse(502, redirectMessage));
  }
  const scrub = scrubOf(admitted.masterKeys);
  const headers = answerHeaders(upstream.headers, admitted, scrub);
  if (upstream.status >= 400) {
    done();
    admitted.failed(upstream.status, failure);
    const shown = failure && (scrub.whole(failure) as Uint8Array<ArrayBuffer>);
    return new Response(shown?.length ? shown : null, { status: upstream.status, headers });
  }
  const type = upstream.headers.get("content-type");
  const meter = admitted.meter(type);
  if (!upstream.body) {
    done();
    admitted.finish(meter);
    return new Response(null, { status: upstream.status, headers });
  }
  silence.stop();
  // A stream that this side breaks off is charged as one in the clear: some runtimes always ask for compressed ones.
  const losesBytes = () => isCompressed(upstream) && !controller.signal.aborted;
  const parts = { meter, scrub: scrub.stream(), admitted, silence, readsOn, done, type, losesBytes };
  streamed = meteredStream(upstream.body, parts);
  if (client.aborted) leave();
  return new Response(streamed.body, { status: upstream.status, headers });
}

const isCompressed = ({ headers }: Response): boolean =>
  /gzip|deflate|br|zstd/i.test(headers.get("content-encoding") ?? "");

/** As far as it came; `undefined` where it is longer than any error, or cannot be decoded. */
async function errorBody(upstream: Response): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of (upstream.body ?? []) as AsyncIterable<Uint8Array>) {
      parts.push(part);
      length += part.length;
      if (length > maxErrorBytes) return undefined;
    }
  } catch {
    if (isCompressed(upstream)) return undefined;
    // The connection broke: what came is looked at.
  }
  return length === 0 ? new Uint8Array() : joined(parts, length);
}

/** A runtime that does not say where a connection failed may have sent the request. */
function failedBeforeSending(error: unknown): boolean {
  const { code, cause, errors } = (error ?? {}) as { code?: unknown; cause?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return errors.every(failedBeforeSending);
  return neverConnected.has(code) || (cause !== undefined && cause !== error && failedBeforeSending(cause));
}

function answerHeaders(upstream: Headers, admitted: AdmittedRequest, scrub: Scrub): Headers {
  const hop = connectionNames(upstream.get("connection"));
  const headers = new Headers({
    [upstream.has("x-request-id") ? ownRequestId : "x-request-id"]: admitted.requestId,
    ...answerGuards,
    ...admitted.answerHeaders,
  });
  for (const [name, value] of upstream) {
    if (isForwardedBack(name) && !hop.includes(name) && !scrub.finds(value)) headers.set(name, value);
  }
  if (isEventStream(upstream.get("content-type"))) {
    for (const [name, value] of Object.entries(eventStreamFields)) headers.set(name, value);
  }
  return headers;
}

function pairs(flat: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let at = 0; at < flat.length; at += 2) result.push([flat[at]!, flat[at + 1]!]);
  return result;
}
