import { createServer, request as send } from "node:http";
import type { AddressInfo } from "node:net";

interface SeenCall {
  method: string;
  path: string;
  /** 0 until the answer begins. */
  status: number;
  /** When it began, of `performance.now()`. */
  answeredAt: number;
}

export interface CountingDoor {
  origin: string;
  calls: SeenCall[];
  /** From now on, what comes in goes there. */
  leadTo(origin: string): void;
  close(): Promise<void>;
}

/** Stands between a client and the proxy, changes nothing, and remembers what the client asked and was answered. */
export async function countingDoor(): Promise<CountingDoor> {
  const calls: SeenCall[] = [];
  let target = "";
  const server = createServer((incoming, outgoing) => {
    const { method = "", url: path = "", headers } = incoming;
    const call: SeenCall = { method, path, status: 0, answeredAt: 0 };
    calls.push(call);
    const onward = send(new URL(path, target), { method, headers }, (answer) => {
      call.status = answer.statusCode ?? 0;
      call.answeredAt = performance.now();
      outgoing.writeHead(call.status, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    leadTo: (origin) => {
      target = origin;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
