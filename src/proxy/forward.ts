import type { Context } from "../service/context.ts";
import { type Admit, createAdmission } from "./admit.ts";
import type { Arrival, ReadBody } from "./arrival.ts";
import { createStandings, type Standings } from "./standings.ts";
import { joined } from "./usage/byte-capture.ts";
import { relay, respond } from "./web-relay.ts";

export interface ProxyRequestInfo {
  /** The client's address, for the throttle of failed authentications. */
  address: string;
  requestId: string;
}

/** The metering proxy over Web APIs: for Workers, and wherever no faster transport is at hand. */
export interface Proxy {
  /** For transports of their own: what is granted must be settled. */
  admit: Admit;
  standings: Standings;
  /** Never rejects. */
  handle(request: Request, info: ProxyRequestInfo): Promise<Response>;
}

export function createProxy(context: Context): Proxy {
  const standings = createStandings(context);
  const admit = createAdmission(context, standings);
  return {
    admit,
    standings,
    async handle(request, info) {
      const admission = await admit(arrivalOf(request, info));
      switch (admission.outcome) {
        case "aborted":
          return new Response(null, { status: 499 });
        case "answered":
          return new Response(null, admission);
        case "refused":
          return respond(admission);
        case "granted":
          return await relay(context, standings, admission, request.signal);
      }
    },
  };
}

function arrivalOf(request: Request, { address, requestId }: ProxyRequestInfo): Arrival {
  const { pathname, search } = new URL(request.url);
  return {
    method: request.method,
    target: pathname + search,
    headers: [...request.headers].flat(),
    address: () => address,
    requestId,
    body: (...how) => readBody(request, ...how),
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
