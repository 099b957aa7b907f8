import { request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { Duplex } from "node:stream";
import { Client } from "undici";

/** An answer as somebody else's reader has it; `undefined` where it takes it for none, or for one that broke off. */
export type ReadAnswer = { status: number; headers: Record<string, string>; body: string } | undefined;

/** Says these bytes once it is asked, and ends. */
class Scripted extends Duplex {
  readonly #bytes: Buffer;
  #isAsked = false;
  constructor(bytes: Buffer) {
    super({ allowHalfOpen: true });
    this.#bytes = bytes;
    this.on("error", () => {});
  }
  override _read(): void {}
  override _write(_: unknown, __: unknown, done: () => void): void {
    done();
    if (this.#isAsked) return;
    this.#isAsked = true;
    setImmediate(() => {
      this.push(this.#bytes);
      this.push(null);
    });
  }
}

/** undici leaves white space at the end of a value. */
const joined = (values: Record<string, string | string[] | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      [value ?? ""]
        .flat()
        .map((one) => one.replace(/[\t ]+$/, ""))
        .join(", "),
    ]),
  );

const readByNode = (bytes: Buffer): Promise<ReadAnswer> =>
  new Promise((resolve) => {
    const asked = request({ method: "GET", createConnection: () => new Scripted(bytes) }, (answer) => {
      let body = "";
      const headers: Record<string, string[]> = Object.create(null);
      for (let at = 0; at < answer.rawHeaders.length; at += 2) {
        const name = answer.rawHeaders[at]!.toLowerCase();
        headers[name] = [...(headers[name] ?? []), answer.rawHeaders[at + 1]!];
      }
      answer
        .setEncoding("latin1")
        .on("data", (piece: string) => {
          body += piece;
        })
        .on("error", () => resolve(undefined))
        .on("close", () =>
          resolve(answer.complete ? { status: answer.statusCode!, headers: joined(headers), body } : undefined),
        );
    });
    asked
      .on("upgrade", (_, socket) => {
        socket.destroy();
        resolve(undefined);
      })
      .on("error", () => resolve(undefined))
      .on("close", () => setImmediate(resolve, undefined))
      .end();
  });

export interface OtherReader {
  read(bytes: Buffer): Promise<ReadAnswer>;
  close(): Promise<void>;
}

export const openNodeHttp = async (): Promise<OtherReader> => ({ read: readByNode, close: async () => {} });

/** Over connections of its own, one for each answer: undici takes no other streams. */
export async function openUndici(): Promise<OtherReader> {
  const answers = new Map<string, Buffer>();
  const server = createServer((socket) => {
    socket
      .on("error", () => {})
      .once("data", (asked) => {
        socket.end(answers.get(/^GET (\S+)/.exec(asked.toString("latin1"))![1]!)!);
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let asked = 0;
  return {
    read: (bytes) =>
      new Promise((resolve) => {
        const path = `/${asked++}`;
        answers.set(path, bytes);
        const client = new Client(origin);
        const end = (answer: ReadAnswer): void => {
          answers.delete(path);
          client.destroy().catch(() => {});
          resolve(answer);
        };
        let read: NonNullable<ReadAnswer> | undefined;
        client.dispatch(
          { path, method: "GET" },
          {
            onRequestStart() {},
            onResponseStart(_, status, headers) {
              if (status >= 200) read = { status, headers: joined(headers), body: "" };
            },
            onResponseData(_, chunk) {
              read!.body += chunk.toString("latin1");
            },
            onResponseEnd: () => end(read),
            onResponseError: () => end(undefined),
          },
        );
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
