import type { Server } from "node:http";
import type { Socket } from "node:net";
import { type ConnectionOwner, PlainConnection } from "./plain-connection.ts";
import type { PlainExchange } from "./plain-exchange.ts";

/** Connections whose requests are read from the socket itself, without `node:http`. */
export interface PlainServer {
  /** Whether any connection has a request under way. */
  isUnderWay(): boolean;
  /** Ends the connections that wait for a request. */
  closeIdle(): void;
  /** Ends all connections that are not at `node:http`. */
  closeAll(): void;
}

const turnMs = 1_000;
/** A connection that says nothing for so long waits at `node:http`, which knows when to end it. */
const freshTurns = 2;

/**
 * Serves plain requests to the proxy on the socket itself, below the server's parser, its request and its response. All
 * others go to the server, from their first byte on.
 *
 * @param server before anybody else listens for its connections
 * @param isEnding whether each answer is to end its connection
 */
export function servePlain(
  server: Server,
  handle: (exchange: PlainExchange) => void,
  isEnding: () => boolean,
): PlainServer {
  const [toNodeHttp] = server.listeners("connection");
  if (toNodeHttp === undefined) throw new Error("node:http listens for no connections");
  server.removeAllListeners("connection");
  const connections = new Set<PlainConnection>();
  const keptTurns = Math.ceil((server.keepAliveTimeout + server.keepAliveTimeoutBuffer) / turnMs);
  const requestTurns = Math.ceil(server.requestTimeout / turnMs);
  let turn = 0;
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    turn++;
    for (const connection of connections) {
      const turns = turn - connection.since;
      if (connection.isFresh()) {
        if (turns > freshTurns) connection.handOver();
      } else if (connection.isIdle()) {
        if (turns > keptTurns) connection.socket.destroy();
      } else if (connection.isReceiving() && turns > requestTurns) connection.breakOff(408);
    }
  }

  const owner: ConnectionOwner = {
    turn: () => turn,
    isEnding,
    keptSeconds: Math.floor(server.keepAliveTimeout / 1_000),
    handle,
    handOver(socket, bytes) {
      // Its listener is to be there before the bytes flow.
      socket.pause();
      if (bytes.length > 0) socket.unshift(bytes);
      toNodeHttp.call(server, socket);
      socket.resume();
    },
    gone(connection) {
      connections.delete(connection);
      if (connections.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    },
  };

  server.on("connection", (socket: Socket) => {
    connections.add(new PlainConnection(socket, owner));
    timer ??= setInterval(look, turnMs).unref();
  });

  return {
    isUnderWay: () => [...connections].some((connection) => connection.isUnderWay()),
    closeIdle() {
      for (const connection of connections) if (connection.isIdle()) connection.socket.destroy();
    },
    closeAll() {
      for (const connection of connections) connection.socket.destroy();
    },
  };
}
