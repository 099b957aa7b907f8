import { retry } from "../../src/domain/retry.ts";

/** A gateway said no: `code` and `retryAfterMs` are its own. */
export class GatewayRefusal extends Error {
  override readonly name = "GatewayRefusal";
  readonly code: string;
  readonly retryAfterMs: number | undefined;

  constructor(error: { code?: string; message?: string; retryAfterMs?: number }) {
    super(error.message ?? "the gateway refused");
    this.code = error.code ?? "UNKNOWN";
    this.retryAfterMs = error.retryAfterMs;
  }
}

/** Nothing answers where the gateway should be. */
export class GatewayAway extends Error {
  override readonly name = "GatewayAway";
}

/** It was asked, or may have been, and has not answered in time: it may do it yet. */
export class GatewayLate extends GatewayAway {}

export interface GatewayRpc {
  /**
   * One call on a connection of its own.
   * @throws GatewayAway, GatewayLate, GatewayRefusal
   */
  request<T>(method: string, params: Record<string, unknown>): Promise<T>;
}

export interface GatewayAccess {
  /** `ws://` or `wss://`. */
  url: string;
  auth: { token?: string; password?: string };
}

interface Frame {
  type: string;
  id?: string;
  event?: string;
  ok?: boolean;
  payload?: unknown;
  error?: { code?: string; message?: string; retryAfterMs?: number };
}

const protocol = 4;

/** OpenClaw allows 30 changes of one kind a minute, and says when there is room again. */
const mostAnnouncedMs = 20_000;
const mostAnnounced = 3;

/** While a change of the configuration reloads a plugin, every call that meets it is refused, also those that read. */
const reloading = /was reloaded or disabled|publication was superseded/;
const reloadMs = 250;
const mostReloads = 60;

/** Asks again where the gateway's no is one for the moment only. */
export const retryRefused =
  (once: GatewayRpc["request"]): GatewayRpc["request"] =>
  (method, params) => {
    let announced = 0;
    let reloads = 0;
    return retry(() => once(method, params), {
      isRetryable: (error) => error instanceof GatewayRefusal,
      delays(error) {
        const { retryAfterMs, message } = error as GatewayRefusal;
        if (retryAfterMs !== undefined) {
          return retryAfterMs > mostAnnouncedMs || announced++ === mostAnnounced ? undefined : retryAfterMs + 50;
        }
        return !reloading.test(message) || reloads++ === mostReloads ? undefined : reloadMs;
      },
    });
  };

/** The gateway's WebSocket calls: the few things that its plugin SDK has no function for. */
export function createGatewayRpc(
  access: () => GatewayAccess | Promise<GatewayAccess>,
  { version, timeoutMs = 30_000 }: { version: string; timeoutMs?: number },
): GatewayRpc {
  async function once<T>(method: string, params: Record<string, unknown>): Promise<T> {
    const { url, auth } = await access();
    const socket = new WebSocket(url);
    const send = (id: string, name: string, content: unknown) =>
      socket.send(JSON.stringify({ type: "req", id, method: name, params: content }));
    const hello = {
      minProtocol: protocol,
      maxProtocol: protocol,
      client: { id: "gateway-client", version, platform: process.platform, mode: "backend" },
      role: "operator",
      scopes: ["operator.admin", "operator.write", "operator.read"],
      auth,
    };
    try {
      return await new Promise<T>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new GatewayLate(`${method} took longer than ${timeoutMs} ms`)),
          timeoutMs,
        );
        timer.unref();
        const settle = (work: () => void) => {
          clearTimeout(timer);
          work();
        };
        socket.onclose = () => settle(() => reject(new GatewayAway("the gateway closed the connection")));
        socket.onerror = () => settle(() => reject(new GatewayAway("the gateway cannot be reached")));
        socket.onmessage = ({ data }) => {
          const frame = JSON.parse(String(data)) as Frame;
          if (frame.event === "connect.challenge") send("connect", "connect", hello);
          if (frame.type !== "res") return;
          if (!frame.ok) settle(() => reject(new GatewayRefusal(frame.error ?? {})));
          else if (frame.id === "connect") send("call", method, params);
          else settle(() => resolve(frame.payload as T));
        };
      });
    } finally {
      socket.onclose = null;
      socket.onerror = null;
      socket.close();
    }
  }

  return { request: retryRefused(once) };
}
