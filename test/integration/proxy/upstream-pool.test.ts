import dns from "node:dns";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ExchangeControl, ExchangeHandler, UpstreamRequest } from "../../../adapters/node/upstream/exchange.ts";
import {
  createUpstreamPool,
  type PoolOptions,
  type UpstreamPool,
} from "../../../adapters/node/upstream/upstream-pool.ts";
import { makePrivateCa } from "../../private-ca.ts";

const directory = mkdtempSync(join(tmpdir(), "upstream-pool-"));
const closes: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

type Answer = string | string[] | ((socket: Socket, asked: string, connection: number) => unknown);

/** Says the same to each request, a list piece by piece; tells of every request and connection. */
async function upstream(answer: Answer, options: Partial<PoolOptions> = {}, server: Server = createServer()) {
  const asked: string[] = [];
  const sockets: Socket[] = [];
  const onConnection = (socket: Socket): void => {
    const connection = sockets.push(socket);
    socket
      .on("error", () => {})
      .on("data", async (data) => {
        asked.push(data.toString("latin1"));
        if (typeof answer === "function") return answer(socket, asked.at(-1)!, connection);
        for (const piece of [answer].flat()) {
          socket.write(piece, "latin1");
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      });
  };
  const isTls = "setSecureContext" in server;
  server.on(isTls ? "secureConnection" : "connection", onConnection);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const pool = createUpstreamPool(isTls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`, {
    connectTimeoutMs: 1_000,
    silenceTimeoutMs: 5_000,
    maxHead: 65_536,
    ...options,
  });
  closes.push(() => {
    pool.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { pool, asked, sockets };
}

interface Told {
  status?: number;
  headers?: Record<string, string | string[]>;
  body: string;
  isStarted: boolean;
  error?: Error & { code?: string };
}

const post: UpstreamRequest = { method: "POST", path: "/v1/x?a=b", headers: ["x-a", "1"], body: Buffer.from("{}") };

function ask(
  pool: UpstreamPool,
  request: Partial<UpstreamRequest> = {},
  more: Partial<ExchangeHandler> = {},
): Promise<Told> {
  const told: Told = { body: "", isStarted: false };
  let ends = 0;
  return new Promise((resolve) => {
    const end = (error?: Error): void => {
      expect(++ends).toBe(1);
      resolve(error ? { ...told, error } : told);
    };
    pool.dispatch(
      { ...post, ...request },
      {
        onRequestStart(control) {
          told.isStarted = true;
          more.onRequestStart?.(control);
        },
        onResponseStart(control, status, headers) {
          told.status = status;
          told.headers = { ...headers };
          more.onResponseStart?.(control, status, headers);
        },
        onResponseData(control, chunk) {
          told.body += chunk.toString("latin1");
          more.onResponseData?.(control, chunk);
        },
        onResponseEnd: () => end(),
        onResponseError: (_, error) => end(error),
      },
    );
  });
}

const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

describe("requests", () => {
  it("are written whole, with the origin's host and their length", async () => {
    const { pool, asked } = await upstream(ok);
    await ask(pool);
    await ask(pool, { body: null });
    await ask(pool, { method: "GET", body: null });
    const host = `127.0.0.1:${/127\.0\.0\.1:(\d+)/.exec(asked[0]!)![1]}`;
    const head = ` /v1/x?a=b HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\nx-a: 1\r\n`;
    expect(asked).toEqual([
      `POST${head}content-length: 2\r\n\r\n{}`,
      `POST${head}content-length: 0\r\n\r\n`,
      `GET${head}\r\n`,
    ]);
  });

  it.each<[string, Partial<UpstreamRequest>]>([
    ["a value with a line end", { headers: ["x", "a\r\nx-b: c"] }],
    ["a value with a NUL", { headers: ["x", "\0"] }],
    ["a value beyond Latin-1", { headers: ["x", "\u0100"] }],
    ["a name with a space", { headers: ["x y", "a"] }],
    ["a name with a colon", { headers: ["x:", "a"] }],
    ["an empty name", { headers: ["", "a"] }],
    ["a path with a space", { path: "/a b" }],
    ["a path with a line end", { path: "/a\n" }],
    ["no path", { path: "" }],
    ["a method that is none", { method: "GET /x" }],
  ])("with %s are not sent", async (_, request) => {
    const { pool, sockets } = await upstream(ok);
    expect(await ask(pool, request)).toMatchObject({ isStarted: false, error: { code: "unsendable" } });
    expect(sockets).toEqual([]);
  });
});

describe("answers", () => {
  it.each<[string, string[], Partial<Told>]>([
    ["of a length", [ok], { status: 200, body: "ok" }],
    [
      "in chunks",
      ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1", ";x=y\r\nc\r\n0\r\na: b\r\n\r\n"],
      { body: "abc" },
    ],
    [
      "after interim ones",
      ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n", ok],
      { status: 200, body: "ok" },
    ],
    ["without a body", ["HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n"], { status: 204, body: "" }],
    [
      "with a long head",
      [`HTTP/1.1 200 OK\r\nx: ${"y".repeat(65_000)}\r\ncontent-length: 2\r\n\r\nok`],
      { body: "ok" },
    ],
    [
      "with a name that comes twice",
      [ok.replace("content", "x: 1\r\nX: 2\r\ncontent")],
      { headers: { x: ["1", "2"], "content-length": "2" } },
    ],
  ])("%s are read", async (_, pieces, told) => {
    const { pool } = await upstream(pieces);
    const read = await ask(pool);
    expect(read).toMatchObject(told);
    expect(read.error).toBeUndefined();
  });

  it("that end with their connection end when it does", async () => {
    const { pool } = await upstream((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nall of it"));
    expect(await ask(pool)).toMatchObject({ body: "all of it", status: 200 });
  });

  it.each<[string, string, string]>([
    ["cut in the body", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", "closed"],
    ["cut in a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nok", "closed"],
    ["cut in the head", "HTTP/1.1 200 OK\r\nx", "closed"],
    ["of two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok", "malformed"],
    [
      "of a length and in chunks",
      "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "malformed",
    ],
    ["with a bare line end", "HTTP/1.1 200 OK\ncontent-length: 2\r\n\r\nok", "malformed"],
    ["that switch protocols", "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", "malformed"],
    ["that are none", "SSH-2.0-OpenSSH\r\n\r\n", "malformed"],
    ["with an endless head", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}`, "malformed"],
    ["of a hundred interim ones", "HTTP/1.1 102 P\r\n\r\n".repeat(100) + ok, "malformed"],
  ])("%s are an error", async (_, text, code) => {
    const { pool } = await upstream((socket) => socket.end(text, "latin1"));
    expect(await ask(pool)).toMatchObject({ isStarted: true, error: { code } });
  });

  it("hold back what comes while they are paused", async () => {
    const { pool, sockets } = await upstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 8000000\r\n\r\n${"x".repeat(8_000_000)}`);
    });
    let control: ExchangeControl | undefined;
    let length = 0;
    const end = ask(
      pool,
      {},
      {
        onResponseData(given, chunk) {
          length += chunk.length;
          if (control) return;
          control = given;
          given.pause();
        },
      },
    );
    await expect.poll(() => control !== undefined && sockets[0]!.writableLength > 0).toBe(true);
    const held = length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(length).toBe(held);
    expect(held).toBeLessThan(1_000_000);
    control!.resume();
    expect((await end).body.length).toBe(8_000_000);
  });
});

describe("connections", () => {
  /** @param closes whether each is to be waited for until the pool has closed it */
  const count = async (answer: Answer, closes = false): Promise<number> => {
    const { pool, sockets } = await upstream(answer);
    for (let time = 0; time < 3; time++) {
      expect((await ask(pool)).error).toBeUndefined();
      if (closes) await expect.poll(() => sockets.every((socket) => socket.destroyed)).toBe(true);
    }
    return sockets.length;
  };

  it("are used again, the one used last first", async () => {
    expect(await count(ok)).toBe(1);
    expect(await count("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")).toBe(1);
    expect(await count(ok.replace("content", "keep-alive: timeout=60\r\ncontent"))).toBe(1);
    const { pool, sockets } = await upstream(ok);
    await Promise.all([ask(pool), ask(pool), ask(pool)]);
    await Promise.all([ask(pool), ask(pool)]);
    expect(sockets.length).toBe(3);
  });

  it("are not used again where the upstream ends them, or might", async () => {
    expect(await count(ok.replace("content", "Connection: x, Close\r\ncontent"), true)).toBe(3);
    expect(await count(ok.replace("1.1", "1.0"), true)).toBe(3);
    expect(await count(ok.replace("content", "keep-alive: timeout=1\r\ncontent"), true)).toBe(3);
    expect(await count(`${ok}HTTP/1.1 200 OK\r\n`, true)).toBe(3);
    expect(await count((socket) => socket.write(ok, () => setTimeout(() => socket.write(ok), 3)), true)).toBe(3);
    expect(await count((socket) => socket.end(ok), true)).toBe(3);
    expect(await count(ok.replace("200 OK", "408 Request Timeout"), true)).toBe(3);
  });

  it("are not used again beyond their time, though the event loop was held up when it ended", async () => {
    const { pool, sockets } = await upstream(ok.replace("content", "keep-alive: timeout=3\r\ncontent"));
    await ask(pool);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_100);
    expect(await ask(pool)).toMatchObject({ status: 200 });
    expect(sockets.length).toBe(2);
  });

  it("serve the request that an answer's end gives rise to", async () => {
    const { pool, sockets } = await upstream(ok);
    const second = new Promise<Told>((resolve) => {
      pool.dispatch(post, {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData() {},
        onResponseEnd: () => void ask(pool).then(resolve),
        onResponseError() {},
      });
    });
    expect((await second).body).toBe("ok");
    expect(sockets.length).toBe(1);
  });

  it("end with a request that is given up, at each point of it", async () => {
    const { pool, sockets } = await upstream(["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", "more"]);
    const reason = new Error("nobody waits");
    const abort = (control: ExchangeControl): void => control.abort(reason);
    for (const event of ["onRequestStart", "onResponseStart", "onResponseData"] as const) {
      expect((await ask(pool, {}, { [event]: abort })).error).toBe(reason);
    }
    await expect.poll(() => sockets.every((socket) => socket.destroyed)).toBe(true);
  });

  it("of an ended answer are left alone by who gives it up late", async () => {
    const { pool, sockets } = await upstream(ok);
    let control: ExchangeControl | undefined;
    await ask(
      pool,
      {},
      {
        onRequestStart(given) {
          control = given;
        },
      },
    );
    const next = ask(pool);
    control!.pause();
    control!.abort(new Error("too late"));
    expect((await next).body).toBe("ok");
    expect(sockets.length).toBe(1);
  });

  it("that cannot be had say why, and nothing was sent", async () => {
    const { pool, sockets } = await upstream(ok);
    pool.destroy();
    for (const socket of sockets) socket.destroy();
    await closes.pop()!();
    expect(await ask(pool)).toMatchObject({ isStarted: false, error: { code: "ECONNREFUSED" } });
  });

  it("to a name with a second address that leads nowhere are had though the first is late", async () => {
    const server = createServer();
    await upstream(ok, {}, server);
    const both = [
      { address: "127.0.0.1", family: 4 },
      { address: "::1", family: 6 },
    ];
    const lookup = vi
      .spyOn(dns, "lookup")
      .mockImplementation(((_: string, __: object, done: (...found: unknown[]) => void) =>
        setImmediate(done, null, both)) as never);
    closes.push(() => lookup.mockRestore());
    const origin = `http://provider.test:${(server.address() as AddressInfo).port}`;
    const pool = createUpstreamPool(origin, { connectTimeoutMs: 5_000, silenceTimeoutMs: 5_000, maxHead: 65_536 });
    closes.push(() => pool.destroy());
    const answer = ask(pool);
    // The event loop is held up while the connection is made.
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400));
    expect(await answer).toMatchObject({ status: 200, body: "ok" });
  });

  it("are kept for what is under way when their pool is given up, and no longer", async () => {
    const { pool, sockets } = await upstream(["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no", "k"]);
    const under = ask(pool, {}, { onResponseStart: () => pool.retire() });
    expect((await under).body).toBe("ok");
    await expect.poll(() => sockets[0]!.destroyed).toBe(true);
  });
});

describe("silence", () => {
  it("before an answer and in the middle of one ends it", async () => {
    const { pool } = await upstream(
      (socket, asked) => {
        if (asked.includes("begin")) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok");
      },
      { silenceTimeoutMs: 80 },
    );
    expect(await ask(pool)).toMatchObject({ isStarted: true, error: { code: "silent" } });
    expect(await ask(pool, { headers: ["x", "begin"] })).toMatchObject({ body: "ok", error: { code: "silent" } });
  });

  it("of a reader is not the upstream's", async () => {
    const { pool } = await upstream(["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\no", "ne"], { silenceTimeoutMs: 60 });
    const slow = ask(
      pool,
      {},
      {
        onResponseStart(control) {
          control.pause();
          setTimeout(() => control.resume(), 300);
        },
      },
    );
    expect(await slow).toMatchObject({ body: "one" });
    expect((await slow).error).toBeUndefined();
  });

  it("of a server that takes connections and no handshake is a connection that cannot be had", async () => {
    const deaf = createServer((socket) => void closes.push(() => socket.destroy()));
    await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
    closes.push(() => deaf.close());
    const pool = createUpstreamPool(`https://127.0.0.1:${(deaf.address() as AddressInfo).port}`, {
      connectTimeoutMs: 100,
      silenceTimeoutMs: 5_000,
      maxHead: 65_536,
    });
    expect(await ask(pool)).toMatchObject({ isStarted: false, error: { code: "connect_timeout" } });
  });
});

describe("TLS", () => {
  const ca = makePrivateCa(directory, "localhost");
  const known = getCACertificates("default");
  afterEach(() => setDefaultCACertificates(known));

  it("is refused where nobody vouches for the name", async () => {
    const { pool, asked } = await upstream(ok, {}, createTlsServer(ca));
    expect(await ask(pool)).toMatchObject({
      isStarted: false,
      error: { code: expect.stringMatching(/^(SELF_SIGNED|UNABLE_TO)/) },
    });
    setDefaultCACertificates([readFileSync(ca.caFile, "utf8")]);
    const other = makePrivateCa(mkdtempSync(join(directory, "other-")), "example.org");
    setDefaultCACertificates([readFileSync(other.caFile, "utf8")]);
    const wrong = await upstream(ok, {}, createTlsServer(other));
    expect(await ask(wrong.pool)).toMatchObject({ error: { code: "ERR_TLS_CERT_ALTNAME_INVALID" } });
    expect([...asked, ...wrong.asked]).toEqual([]);
  });

  it("names the host, and goes on with the session of the connection before", async () => {
    setDefaultCACertificates([readFileSync(ca.caFile, "utf8")]);
    const seen: [name: unknown, reused: boolean][] = [];
    const server = createTlsServer(ca, (socket) => {
      seen.push([(socket as { servername?: unknown }).servername, socket.isSessionReused()]);
    });
    const { pool } = await upstream(ok.replace("content", "connection: close\r\ncontent"), {}, server);
    for (let time = 0; time < 2; time++) {
      expect(await ask(pool)).toMatchObject({ body: "ok" });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(seen).toEqual([
      ["localhost", false],
      ["localhost", true],
    ]);
    const large = "x".repeat(500_000);
    const again = await upstream(`HTTP/1.1 200 OK\r\ncontent-length: 500000\r\n\r\n${large}`, {}, createTlsServer(ca));
    expect((await ask(again.pool, { body: Buffer.from(large) })).body).toBe(large);
  });
});

process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
