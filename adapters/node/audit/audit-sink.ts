import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { hostname } from "node:os";
import type { Log } from "../../../src/ports.ts";

/** A second place for the trail's lines, beside the file. */
export interface AuditSink {
  /** Takes a line of the trail. Never waits and never throws: the file is the trail, and this is a copy. */
  write(line: string): void;
  close(): Promise<void>;
}

interface SinkTools {
  log: Log;
  writeOut?: ((line: string) => void) | undefined;
}

const quietMs = 60_000;
/** More waits for no syslog server than this. */
const maxQueuedBytes = 1_048_576;

/**
 * @param sink the setting `audit.sink`: `stdout`, `syslog` (UDP, 127.0.0.1:514), `syslog://host:port` (UDP) or
 *   `syslog+tcp://host:port`
 */
export function createAuditSink(sink: string | undefined, { log, writeOut }: SinkTools): AuditSink | undefined {
  if (sink === undefined) return undefined;
  if (sink === "stdout") {
    if (!writeOut) return undefined;
    return {
      write: (line) =>
        writeOut(`{"time":"${new Date().toISOString()}","level":"info","message":"audit","event":${line}}\n`),
      close: async () => {},
    };
  }
  let quietUntil = 0;
  const failed = (error: Error): void => {
    if (performance.now() < quietUntil) return;
    quietUntil = performance.now() + quietMs;
    log("error", "the audit trail's syslog server does not take its lines; the file has them", {
      sink,
      error: error.message,
    });
  };
  const { protocol, hostname: host, port } = new URL(sink === "syslog" ? "syslog://127.0.0.1:514" : sink);
  const address = { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
  return protocol === "syslog+tcp:" ? tcpSink(address, failed) : udpSink(address, failed);
}

type Address = { host: string; port: number };

/** RFC 5424: facility 13 (log audit), severity 6 (informational). */
const message = (line: string): string =>
  `<110>1 ${new Date().toISOString()} ${hostname()} openclaw-provisioning ${process.pid} audit - ${line}`;

function udpSink({ host, port }: Address, failed: (error: Error) => void): AuditSink {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.on("error", failed).unref();
  let last: Promise<void> = Promise.resolve();
  return {
    write(line) {
      last = new Promise((resolve) => {
        socket.send(message(line), port, host, (error) => {
          if (error) failed(error);
          resolve();
        });
      });
    },
    async close() {
      await last;
      socket.close();
    },
  };
}

/** Octet-counted frames (RFC 6587): a line may hold anything. */
function tcpSink(address: Address, failed: (error: Error) => void): AuditSink {
  let socket: Socket | undefined;
  const connected = (): Socket => {
    if (socket && !socket.destroyed) return socket;
    socket = connect(address)
      .on("error", failed)
      .on("end", () => socket?.destroy())
      .unref();
    // Nothing is ever answered; reading is what tells of the end.
    return socket.resume();
  };
  return {
    write(line) {
      const to = connected();
      if (to.writableLength > maxQueuedBytes) return failed(new Error("it is too slow, and lines are left out"));
      const text = message(line);
      to.write(`${Buffer.byteLength(text)} ${text}`);
    },
    close: () =>
      new Promise((resolve) => {
        if (!socket || socket.destroyed) return resolve();
        const giveUp = setTimeout(() => socket?.destroy(), 1000);
        socket
          .once("close", () => {
            clearTimeout(giveUp);
            resolve();
          })
          .end();
      }),
  };
}
