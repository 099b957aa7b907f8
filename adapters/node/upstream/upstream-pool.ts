import { type ExchangeHandler, UpstreamFault, type UpstreamRequest } from "./exchange.ts";
import { requestBytes } from "./request-bytes.ts";
import { type ConnectionOwner, UpstreamConnection } from "./upstream-connection.ts";

/** The bounds of each connection of the pool. */
export interface PoolOptions {
  connectTimeoutMs: number;
  /** Neither before an answer nor in the middle of it an upstream may be silent for longer. */
  silenceTimeoutMs: number;
  /** Bytes of an answer's head. */
  maxHead: number;
}

/** Unused for longer, a connection is closed, unless the upstream says that it keeps it longer. */
const keptMs = 4_000;
const mostKeptMs = 600_000;
/** An upstream's own end of it is not to meet a request that is on its way. */
const marginMs = 2_000;
/** As many turns a timeout has, and so late it may be. */
const turnsATimeout = 8;
const slowestTurnMs = 500;

/** Connections to one origin that are kept alive; as many at once as there are requests. */
export interface UpstreamPool {
  /** Calls the handler at once or later; never throws. */
  dispatch(request: UpstreamRequest, handler: ExchangeHandler): void;
  /** Takes no other request; what is under way goes on. */
  retire(): void;
  /** Ends what is under way. */
  destroy(): void;
}

/**
 * Opens no connection before the first request.
 * @param origin scheme, host and port
 */
export function createUpstreamPool(
  origin: string,
  { connectTimeoutMs, silenceTimeoutMs, maxHead }: PoolOptions,
): UpstreamPool {
  const url = new URL(origin);
  const all = new Set<UpstreamConnection>();
  /** The one used last is the one used next, so that the others come to their end. */
  const unused: UpstreamConnection[] = [];
  const keptUntil = new WeakMap<UpstreamConnection, number>();
  const turnMs = Math.max(5, Math.min(slowestTurnMs, Math.floor(silenceTimeoutMs / turnsATimeout)));
  const silentTurns = Math.ceil(silenceTimeoutMs / turnMs);
  let turn = 0;
  let timer: NodeJS.Timeout | undefined;
  let isRetired = false;

  const owner: ConnectionOwner = {
    turn: () => turn,
    session: undefined,
    idle(connection, keptFor) {
      const ms = keptFor === undefined ? keptMs : Math.min(keptFor * 1_000 - marginMs, mostKeptMs);
      if (isRetired || ms <= 0) connection.fail(new UpstreamFault("closed", "the connection is not kept"));
      else {
        keptUntil.set(connection, performance.now() + ms);
        unused.push(connection);
      }
    },
    gone(connection) {
      all.delete(connection);
      const at = unused.indexOf(connection);
      if (at !== -1) unused.splice(at, 1);
      if (all.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };

  const isOld = (connection: UpstreamConnection): boolean => performance.now() >= keptUntil.get(connection)!;
  const notUsed = () => new UpstreamFault("closed", "the connection was not used any more");

  /** Time that the event loop was held up is no silence: it is one turn. */
  function look(): void {
    turn++;
    for (const connection of all) {
      if (connection.awaits()) {
        if (turn - connection.heardAt > silentTurns) {
          connection.fail(new UpstreamFault("silent", `the upstream was silent for ${silenceTimeoutMs} ms`));
        }
      } else if (connection.isIdle() && isOld(connection)) connection.fail(notUsed());
    }
  }

  function connection(): UpstreamConnection {
    for (let kept = unused.pop(); kept !== undefined; kept = unused.pop()) {
      // The event loop was held up, and the upstream's end of it may have come meanwhile.
      if (!isOld(kept)) return kept;
      kept.fail(notUsed());
    }
    const made = new UpstreamConnection({ origin: url, connectTimeoutMs, maxHead }, owner);
    all.add(made);
    timer ??= setInterval(look, turnMs).unref();
    return made;
  }

  function destroy(): void {
    isRetired = true;
    for (const one of [...all]) one.fail(new UpstreamFault("closed", "the connections are closed"));
  }

  return {
    dispatch(request, handler) {
      let bytes: Buffer;
      try {
        bytes = requestBytes(request, url.host);
      } catch (error) {
        handler.onResponseError(undefined, error as Error);
        return;
      }
      connection().send(bytes, request.method === "HEAD", handler);
    },
    retire() {
      isRetired = true;
      for (const one of [...unused]) one.fail(new UpstreamFault("closed", "the connections are closed"));
    },
    destroy,
  };
}
