import type { Context } from "../service/context.ts";
import { type Admit, createAdmission } from "./admit.ts";
import type { Arrival, ReadBody } from "./arrival.ts";
import type { Grant } from "./grant.ts";
import { connectionNames, isForwardedBack } from "./headers.ts";
import type { Refusal } from "./refuse.ts";
import {
  maxErrorBytes,
  redirectMessage,
  timeoutMessage,
  unreachableMessage,
  withoutMasterKey,
} from "./upstream-error.ts";
import { joined } from "./usage/byte-capture.ts";
import type { Meter } from "./usage/meter.ts";

export interface ProxyRequestInfo {
  /** The client's address, for the throttle of failed authentications. */
  address: string;
  requestId: string;
}

/** The metering proxy over Web APIs: for Workers, and wherever no faster transport is at hand. */
export interface Proxy {
  /** For transports of their own: what is granted must be settled. */
  admit: Admit;
  /** Never rejects. */
  handle(request: Request, info: ProxyRequestInfo): Promise<Response>;
}

export function createProxy(context: Context): Proxy {
  const admit = createAdmission(context);
  return {
    admit,
    async handle(request, info) {
      const admission = await admit(arrivalOf(request, info));
      switch (admission.outcome) {
        case "aborted":
          return new Response(null, { status: 499 });
        case "refused":
          return respond(admission);
        case "granted":
          return await forward(context, admission, request.signal);
      }
    },
  };
}

const respond = ({ status, headers, body }: Refusal): Response => new Response(body, { status, headers });

function arrivalOf(request: Request, { address, requestId }: ProxyRequestInfo): Arrival {
  const { pathname, search } = new URL(request.url);
  return {
    method: request.method,
    target: pathname + search,
    headers: [...request.headers].flat(),
    address: () => address,
    requestId,
    body: (refuse, timeoutMs) => readBody(request, refuse, timeoutMs),
  };
}

async function readBody(request: Request, ...[refuse, timeoutMs]: Parameters<Arrival["body"]>): Promise<ReadBody> {
  const reader = request.body?.getReader();
  if (!reader) return { outcome: "read", bytes: new Uint8Array() };
  const parts: Uint8Array[] = [];
  let length = 0;
  let late = false;
  // Not waited for: a source that hangs may hang in this too.
  const cancel = () => void reader.cancel().catch(() => {});
  const timer = setTimeout(() => {
    late = true;
    cancel();
  }, timeoutMs);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (late) return { outcome: "late" };
      if (done) return { outcome: "read", bytes: length === 0 ? new Uint8Array() : joined(parts, length) };
      parts.push(value);
      length += value.length;
      const refusal = refuse(length);
      if (refusal) {
        cancel();
        return refusal;
      }
    }
  } catch {
    return { outcome: late ? "late" : "aborted" };
  } finally {
    clearTimeout(timer);
  }
}

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

async function forward(context: Context, grant: Grant, client: AbortSignal): Promise<Response> {
  const { silenceTimeoutMs } = context.settings.provisioning.proxy;
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
    if (client.aborted) throw new Error("the client left");
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
    if (timedOut) grant.abandon("timeout");
    else grant.release("unreachable");
    context.log("warn", "the AI provider could not be reached", {
      origin: grant.origin,
      requestId: grant.requestId,
      error: error instanceof Error ? error.message : String(error),
    });
    return respond(timedOut ? grant.refuse(504, timeoutMessage) : grant.refuse(502, unreachableMessage));
  }

  if (upstream.status < 200 || (upstream.status >= 300 && upstream.status < 400)) {
    done();
    grant.release("redirect");
    await upstream.body?.cancel();
    return respond(grant.refuse(502, redirectMessage));
  }
  const headers = answerHeaders(upstream.headers, grant);
  if (upstream.status >= 400) {
    grant.release(String(upstream.status));
    const body = await errorBody(upstream, grant.masterKey).finally(done);
    return new Response(body, { status: upstream.status, headers });
  }
  const meter = grant.meter(upstream.headers.get("content-type"));
  if (!upstream.body) {
    done();
    grant.finish(meter);
    return new Response(null, { status: upstream.status, headers });
  }
  silence.stop();
  const body = metered(upstream.body, meter, grant, silence, done);
  return new Response(body, { status: upstream.status, headers });
}

/**
 * The answer's own bytes, as they come. Settled on its end, on a cut and when the client leaves; and before the
 * bytes that end it are handed on, so that whoever has seen the answer sees its cost.
 */
function metered(
  source: ReadableStream<Uint8Array>,
  meter: Meter | undefined,
  grant: Grant,
  silence: SilenceTimer,
  done: () => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            // Only while it is waited for: a client that takes its time is not the provider's silence.
            silence.start();
            const { done: ended, value } = await reader.read();
            silence.stop();
            const passed = ended ? meter?.end() : meter ? meter.push(value) : value;
            if (ended || meter?.isFinal()) grant.finish(meter);
            if (ended) done();
            if (passed && passed.length > 0) controller.enqueue(passed);
            if (ended) controller.close();
            if (ended || passed) return;
          }
        } catch (error) {
          done();
          grant.finish(meter);
          controller.error(error);
        }
      },
      async cancel(reason) {
        done();
        grant.finish(meter);
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

async function errorBody(upstream: Response, masterKey: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of (upstream.body ?? []) as AsyncIterable<Uint8Array>) {
      parts.push(part);
      length += part.length;
      if (length > maxErrorBytes) return null;
    }
  } catch {
    return null;
  }
  return length === 0 ? null : (withoutMasterKey(joined(parts, length), masterKey) as Uint8Array<ArrayBuffer>);
}

function answerHeaders(upstream: Headers, grant: Grant): Headers {
  const hop = connectionNames(upstream.get("connection"));
  const headers = new Headers({ "x-request-id": grant.requestId });
  for (const [name, value] of upstream) {
    if (isForwardedBack(name) && !hop.includes(name) && !value.includes(grant.masterKey)) headers.set(name, value);
  }
  return headers;
}

function pairs(flat: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let at = 0; at < flat.length; at += 2) result.push([flat[at]!, flat[at + 1]!]);
  return result;
}
