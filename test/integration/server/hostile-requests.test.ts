import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exchange, rawConnection, statusesIn } from "../../raw-http.ts";
import { keyedClient, makeStateDir, type ServerProcess, startServerProcess, token } from "../../server-process.ts";

let stateDir: string;
let server: ServerProcess;
let key: string;
beforeAll(async () => {
  stateDir = await makeStateDir();
  server = await startServerProcess(stateDir);
  ({ key } = await keyedClient(server.origin));
});
afterAll(async () => {
  // It has lived through all of it, and without an unexpected failure.
  expect(server.output()).toBe("");
  expect(await server.stop()).toBe(0);
  rmSync(stateDir, { recursive: true, force: true });
});

const bearer = () => `Authorization: Bearer ${token}\r\n`;
const head = (line: string, fields = "Host: localhost\r\n") => `${line} HTTP/1.1\r\n${fields}Connection: close\r\n\r\n`;
const create = "POST /api/v1/agents/create HTTP/1.1\r\nHost: localhost\r\n";
const credentials = () => `${bearer()}X-Agent-Provisioning-Key: ${key}\r\n`;

async function expectAlive(): Promise<void> {
  expect((await fetch(`${server.origin}/readyz`)).status).toBe(200);
}

describe("a Host that is no address", () => {
  it.each(["a:99999", "[::1", "[zz]", "a b", "a%00b", "1.2.3.4.5", "999999999999", "a, b"])(
    "%j is a 400, and nothing to the proxy, which looks at no Host",
    async (host) => {
      const ask = (path: string) => exchange(server.origin, head(`GET ${path}`, `Host: ${host}\r\n`));
      for (const path of ["/healthz", "/api/v1/agents"]) {
        const { status, code } = await ask(path);
        expect([path, status]).toEqual([path, 400]);
        expect(code).toBe("invalid_path");
      }
      expect((await ask("/proxy/anthropic/v1/models")).status).toBe(401);
      await expectAlive();
    },
  );

  it("twice is a 400", async () => {
    const { status } = await exchange(server.origin, head("GET /healthz", "Host: a\r\nHost: b\r\n"));
    expect(status).toBe(400);
  });
});

describe("a crafted name of ours", () => {
  it.each([
    "Host: healthz\r\n",
    "Host: localhost\r\nX-Forwarded-Host: healthz\r\nX-Forwarded-Proto: https\r\n",
    "Host: localhost\r\nX-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n",
    "Host: localhost\r\nX-Original-URL: /healthz\r\nX-Rewrite-URL: /healthz\r\nX-Forwarded-Prefix: /healthz\r\n",
    "Host: localhost\r\nX-HTTP-Method-Override: GET\r\n",
  ])("%j opens nothing", async (fields) => {
    const { status } = await exchange(server.origin, head("GET /api/v1/agents", fields));
    expect(status).toBe(401);
  });

  it("is not where agents are sent to", async () => {
    const fields = `Host: evil.example\r\nX-Forwarded-Host: evil.example\r\n${bearer()}`;
    const { status, all } = await exchange(server.origin, head("GET /api/v1/openapi.json", fields));
    expect(status).toBe(200);
    expect(all).not.toContain("evil.example");
  });
});

describe("a crafted target", () => {
  it.each([
    "//api/v1/agents",
    "/api/v1//agents",
    "/healthz/../api/v1/agents",
    "/healthz/%2e%2e/api/v1/agents",
    "/healthz/%2E%2E%2Fapi/v1/agents",
    "/healthz/..;/api/v1/agents",
    "/healthz;/api/v1/agents",
    "/healthz;jsessionid=1",
    "/healthz/",
    "/healthz%00",
    "/HEALTHZ",
    "/proxy/../api/v1/agents",
    "/x/../proxy/anthropic/v1/models",
    "//evil:99999/healthz",
    "/\\evil:99999/healthz",
    "http://evil.example/api/v1/agents",
    "http://user:pass@evil.example/api/v1/agents",
    "https://evil.example//api/v1/agents",
    "/api/v1/agents?x=/healthz",
    "/?/healthz",
  ])("%s skips no guard", async (target) => {
    const { status } = await exchange(server.origin, head(`GET ${target}`));
    expect(status).toBe(401);
  });

  it.each(["http://[/healthz", "http://a:99999/healthz", "http://1.2.3.4.5/healthz", "foo://x/healthz", "foo:99999"])(
    "%s is a 400",
    async (target) => {
      const { status } = await exchange(server.origin, head(`GET ${target}`));
      expect(status).toBe(400);
      await expectAlive();
    },
  );

  it("in absolute form is the same as its path", async () => {
    expect((await exchange(server.origin, head("GET http://anything.example/healthz"))).status).toBe(200);
    const { status } = await exchange(
      server.origin,
      head("GET http://anything.example/api/v1/agents", `Host: a\r\n${bearer()}`),
    );
    expect(status).toBe(200);
  });

  it("with broken percent-encoding is a 400", async () => {
    const { status, code } = await exchange(server.origin, head("GET /api/v1/agents/%zz", `Host: a\r\n${bearer()}`));
    expect([status, code]).toEqual([400, "invalid_path"]);
  });

  it.each(["OPTIONS *", "CONNECT evil.example:443", "TRACE /api/v1/agents", "PROPFIND /api/v1/agents", "NONSENSE /"])(
    "%s does no harm",
    async (line) => {
      const { status } = await exchange(server.origin, head(line));
      expect(status === 0 || status >= 400).toBe(true);
      await expectAlive();
    },
  );

  it("to a path that is not ours is a 404 with a token", async () => {
    for (const path of ["//api/v1/agents", "/api/v1//agents", "/API/V1/agents", "/api/v1/agents;x"]) {
      const { status } = await exchange(server.origin, head(`GET ${path}`, `Host: a\r\n${bearer()}`));
      expect([path, status]).toEqual([path, 404]);
    }
  });
});

describe("headers that came twice", () => {
  it("a credential is refused, whichever of the two is right", async () => {
    for (const [first, second] of [
      ["wrong", token],
      [token, "wrong"],
      [token, token],
    ]) {
      const fields = `Host: a\r\nAuthorization: Bearer ${first}\r\nauthorization: Bearer ${second}\r\n`;
      const { status } = await exchange(server.origin, head("GET /api/v1/agents", fields));
      expect(status).toBe(400);
    }
    const twice = `Host: a\r\n${credentials()}X-AGENT-PROVISIONING-KEY: ${key}\r\nContent-Length: 0\r\n`;
    const { status, code } = await exchange(server.origin, head("POST /api/v1/agents/create", twice));
    expect([status, code]).toEqual([400, "invalid_header"]);
  });

  it("two framings of one body are refused", async () => {
    for (const framing of [
      "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: 2\r\nContent-Length: 3\r\n",
      "Transfer-Encoding: chunked, identity\r\n",
    ]) {
      const { all } = await exchange(
        server.origin,
        `${create}${credentials()}${framing}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n`,
      );
      expect(statusesIn(all)).toEqual([400]);
    }
  });
});

describe("bodies", () => {
  const chunk = (length: number) => `${length.toString(16)}\r\n${"a".repeat(length)}\r\n`;

  it("a chunked one over 1 MiB is a 413, and the rest of it is not kept", async () => {
    const connection = await rawConnection(server.origin);
    await connection.send(`${create}${credentials()}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (let sent = 0; sent < 20; sent++) await connection.send(chunk(65_536));
    const text = await connection.received();
    expect(statusesIn(text)).toEqual([413]);
    expect(text).toContain("body_too_large");
  });

  it("one that says it is over 1 MiB is a 413 before it is sent", async () => {
    const connection = await rawConnection(server.origin);
    await connection.send(`${create}${credentials()}Connection: close\r\nContent-Length: 1048577\r\n\r\n`);
    expect(statusesIn(await connection.received())).toEqual([413]);
  });

  it("one of exactly 1 MiB is read", async () => {
    const body = `{"name":"${"a".repeat(1_048_576 - 11)}"}`;
    expect(body).toHaveLength(1_048_576);
    const { status, code } = await exchange(
      server.origin,
      `${create}${credentials()}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect([status, code]).toEqual([400, "invalid_body"]);
  });

  it("Expect: 100-continue is answered, then the request", async () => {
    const connection = await rawConnection(server.origin);
    await connection.send(
      `${create}${credentials()}Connection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`,
    );
    await connection.send("{}");
    expect(statusesIn(await connection.received())).toEqual([100, 400]);
  });

  it("a client that leaves in the middle is no failure, and leaves nothing behind", async () => {
    const leave = async (framing: string, part: string) => {
      const { socket, send } = await rawConnection(server.origin);
      await send(`${create}${credentials()}${framing}\r\n\r\n${part}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      socket.resetAndDestroy();
    };
    await Promise.all(
      Array.from({ length: 60 }, (_, at) =>
        at % 2 ? leave("Content-Length: 100", '{"name":"left') : leave("Transfer-Encoding: chunked", '5\r\n{"nam\r\n'),
      ),
    );
    await expectAlive();
    // Deep in a body that is not JSON: what is refused is not read on.
    await leave("Content-Length: 2000000", "x");
    const { agents } = (await (
      await fetch(`${server.origin}/api/v1/agents`, { headers: { authorization: `Bearer ${token}` } })
    ).json()) as { agents: unknown[] };
    expect(agents).toEqual([]);
  });

  it("what is no HTTP at all is a 400 or nothing", async () => {
    for (const text of [
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      "GET\r\n\r\n",
      "hello\r\n\r\n",
      `GET /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`,
    ]) {
      const { status } = await exchange(server.origin, text, 300);
      expect([0, 400, 431]).toContain(status);
    }
    await expectAlive();
  });
});

it("requests that are sent without waiting are answered in order, each under its own guards", async () => {
  const connection = await rawConnection(server.origin);
  const get = (path: string, fields = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}`;
  await connection.send(
    `${get("/healthz")}\r\n${get("/api/v1/agents", bearer())}\r\n${get("/api/v1/agents")}\r\n` +
      `${get("/readyz")}\r\n${get("/nothing", bearer())}Connection: close\r\n\r\n`,
  );
  expect(statusesIn(await connection.received())).toEqual([200, 200, 401, 200, 404]);
});
