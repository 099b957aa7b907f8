import type { Context } from "../service/context.ts";
import type { Grant } from "./grant.ts";
import { answerGuards, connectionNames, isForwardedBack } from "./headers.ts";
import type { Refusal } from "./refuse.ts";
import { createScrubs, type Scrub, type ScrubStream } from "./scrub.ts";
import {
  brokenOffMessage,
  maxErrorBytes,
  redirectMessage,
  timeoutMessage,
  unreachableMessage,
} from "./upstream-error.ts";
import { joined } from "./usage/byte-capture.ts";
import type { Meter } from "./usage/meter.ts";

const decoder = new TextDecoder("latin1");
const scrubOf = createScrubs((bytes) => decoder.decode(bytes));

export const respond = ({ status, headers, body }: Refusal): Response => new Response(body, { status, headers });

interface SilenceTimer {
  start(): void;
  stop(): void;
}

/** Aborts when what is waited for has not come for so long. */
function silenceTimer(controller: AbortController, ms: number): SilenceTimer {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => clearTimeout(timer);
  return {
    start() {
      stop();
      timer = setTimeout(() => controller.abort(new SilenceError()), ms);
    },
    stop,
  };
}

class SilenceError extends Error {}

/** Sends what was granted, and streams the answer back. Each way out settles the grant. Never rejects. */
export async function relay(context: Context, grant: Grant, client: AbortSignal): Promise<Response> {
  const { silenceTimeoutMs } = context.settings.provisioning.proxy;
  if (client.aborted) {
    grant.release("client_left");
    return new Response(null, { status: 499 });
  }
  const controller = new AbortController();
  const leave = () => controller.abort();
  client.addEventListener("abort", leave);
  const silence = silenceTimer(controller, silenceTimeoutMs);
  silence.start();
  const done = () => {
    silence.stop();
    client.removeEventListener("abort", leave);
  };

  let upstream: Response;
  try {
    upstream = await context.fetch(grant.origin + grant.path, {
      method: grant.method,
      headers: pairs(grant.headers),
      body: grant.body ?? null,
      // The master key goes to the address that the operator gave, and nowhere else.
      redirect: "manual",
      signal: controller.signal,
    } as RequestInit);
  } catch (error) {
    done();
    if (client.aborted) {
      // It was sent: what it costs by now is anybody's guess.
      grant.finish(grant.meter(null));
      return new Response(null, { status: 499 });
    }
    const timedOut = controller.signal.reason instanceof SilenceError;
    const sent = timedOut || !failedBeforeSending(error);
    if (sent) grant.abandon(timedOut ? "timeout" : "broken_off");
    else grant.release("unreachable");
    context.log("warn", sent ? "the AI provider did not answer" : "the AI provider could not be reached", {
      origin: grant.origin,
      requestId: grant.requestId,
      error: error instanceof Error ? error.message : String(error),
    });
    if (timedOut) return respond(grant.refuse(504, timeoutMessage));
    return respond(grant.refuse(502, sent ? brokenOffMessage : unreachableMessage));
  }

  if (upstream.status < 200 || (upstream.status >= 300 && upstream.status < 400)) {
    done();
    grant.refused("redirect");
    await upstream.body?.cancel();
    return respond(grant.refuse(502, redirectMessage));
  }
  const scrub = scrubOf(grant.masterKey);
  const headers = answerHeaders(upstream.headers, grant, scrub);
  if (upstream.status >= 400) {
    const body = await errorBody(upstream).finally(done);
    grant.failed(upstream.status, body);
    const shown = body && (scrub.whole(body) as Uint8Array<ArrayBuffer>);
    return new Response(shown?.length ? shown : null, { status: upstream.status, headers });
  }
  const meter = grant.meter(upstream.headers.get("content-type"));
  if (!upstream.body) {
    done();
    grant.finish(meter);
    return new Response(null, { status: upstream.status, headers });
  }
  silence.stop();
  const body = metered(upstream.body, meter, scrub.stream(), grant, silence, done);
  return new Response(body, { status: upstream.status, headers });
}

/**
 * The answer's own bytes, as they come. Settled on its end, on a cut and when the client leaves; and before the
 * bytes that end it are handed on, so that whoever has seen the answer sees its cost.
 */
function metered(
  source: ReadableStream<Uint8Array>,
  meter: Meter | undefined,
  scrub: ScrubStream,
  grant: Grant,
  silence: SilenceTimer,
  done: () => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let waits = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            // Only while it is waited for: a client that takes its time is not the provider's silence.
            silence.start();
            waits = true;
            const { done: ended, value } = await reader.read();
            waits = false;
            silence.stop();
            const read = ended ? meter?.end() : meter ? meter.push(value) : value;
            const passed = read && scrub.push(read);
            if (ended || meter?.isFinal()) grant.finish(meter);
            if (ended) done();
            if (passed && passed.length > 0) controller.enqueue(passed);
            const rest = ended ? scrub.end() : undefined;
            if (rest) controller.enqueue(rest);
            if (ended) controller.close();
            if (ended || (passed && passed.length > 0)) return;
          }
        } catch (error) {
          done();
          grant.finish(meter);
          controller.error(error);
        }
      },
      async cancel(reason) {
        done();
        // While nothing is waited for, more may have come than was read.
        grant.finish(meter, !waits);
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** As far as it came; `undefined` where it is longer than any error. */
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
    // The connection broke: what came is looked at.
  }
  return length === 0 ? new Uint8Array() : joined(parts, length);
}

/** A runtime that does not say where a connection failed may have sent the request. */
const beforeSending: ReadonlySet<unknown> = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"],
]);

function failedBeforeSending(error: unknown): boolean {
  const { code, cause, errors } = (error ?? {}) as { code?: unknown; cause?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return errors.every(failedBeforeSending);
  return beforeSending.has(code) || (cause !== undefined && cause !== error && failedBeforeSending(cause));
}

function answerHeaders(upstream: Headers, grant: Grant, scrub: Scrub): Headers {
  const hop = connectionNames(upstream.get("connection"));
  const headers = new Headers({ "x-request-id": grant.requestId, ...answerGuards });
  for (const [name, value] of upstream) {
    if (isForwardedBack(name) && !hop.includes(name) && !scrub.finds(value)) headers.set(name, value);
  }
  return headers;
}

function pairs(flat: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let at = 0; at < flat.length; at += 2) result.push([flat[at]!, flat[at + 1]!]);
  return result;
}
