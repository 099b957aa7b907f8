import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request as plainRequest, type ServerResponse } from "node:http";
import { type RequestOptions, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClientAddress } from "../../../adapters/node/client-address.ts";
import { freePort } from "../../free-port.ts";
import { makePrivateCa } from "../../private-ca.ts";

const name = "agents.example.org";
const maxBodyBytes = 33_554_432;

interface Stand {
  directory: string;
  port: number;
  plainPort: number;
  upstream: number;
}

/** @throws where the shipped file no longer has what is replaced */
function replaced(text: string, pairs: [string, string][]): string {
  for (const [old, value] of pairs) {
    expect(text).toContain(old);
    text = text.replaceAll(old, value);
  }
  return text;
}

async function nginx({ directory, port, plainPort, upstream }: Stand): Promise<string[]> {
  const site = replaced(readFileSync("deploy/nginx.conf", "utf8"), [
    ["    listen [::]:80;\n", ""],
    ["    listen [::]:443 ssl http2;\n", ""],
    ["listen 80;", `listen 127.0.0.1:${plainPort};`],
    ["listen 443 ", `listen 127.0.0.1:${port} `],
    ["127.0.0.1:18789", `127.0.0.1:${upstream}`],
    [`/etc/letsencrypt/live/${name}/fullchain.pem`, join(directory, "leaf.pem")],
    [`/etc/letsencrypt/live/${name}/privkey.pem`, join(directory, "leaf.key")],
    ["/var/log/nginx/openclaw.log", join(directory, "access.log")],
    ["/var/log/nginx/openclaw-error.log", join(directory, "error.log")],
  ]);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${join(directory, kind)};`,
  );
  const main = join(directory, "nginx.conf");
  writeFileSync(
    main,
    `daemon off; master_process off; pid ${join(directory, "pid")}; error_log stderr; events {}
     http { access_log ${join(directory, "others.log")}; ${temporary.join(" ")}\n${site}\n}`,
  );
  return ["nginx", "-c", main, "-p", directory, "-e", "stderr"];
}

async function caddy({ directory, port, plainPort, upstream }: Stand): Promise<string[]> {
  const site = replaced(readFileSync("deploy/Caddyfile", "utf8"), [
    [`\n${name} {`, `\n${name} {\n\ttls leaf.pem leaf.key\n\tbind 127.0.0.1`],
    ["127.0.0.1:18789", `127.0.0.1:${upstream}`],
    ["\tlog {", `\tlog {\n\t\toutput file ${join(directory, "access.log")}`],
  ]);
  writeFileSync(
    join(directory, "Caddyfile"),
    `{\n\tadmin off\n\thttp_port ${plainPort}\n\thttps_port ${port}\n}\n${site}`,
  );
  return ["caddy", "run", "--config", join(directory, "Caddyfile"), "--adapter", "caddyfile"];
}

const isThere = (command: string): boolean => spawnSync(command, [command === "nginx" ? "-v" : "version"]).status === 0;

for (const [command, file, prepare] of [
  ["nginx", "deploy/nginx.conf", nginx],
  ["caddy", "deploy/Caddyfile", caddy],
] as const) {
  const missing = isThere(command) ? undefined : `skipped: ${command} is not installed`;
  if (missing) console.warn(`${missing}: ${file}`);
  const title = `${command} with ${file}`;
  describe.skipIf(missing !== undefined)(missing ? `${title} (${missing})` : title, () => testProxy(command, prepare));
}

function testProxy(command: "nginx" | "caddy", prepare: (stand: Stand) => Promise<string[]>): void {
  let directory: string;
  let port: number;
  let plainPort: number;
  let proxy: ChildProcess;
  let ca: Buffer;
  let answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => response.end();
  const upstream = createServer((incoming, response) => answer(incoming, response));

  const call = (options: RequestOptions = {}) =>
    request({
      host: "127.0.0.1",
      port,
      servername: name,
      ca,
      agent: false,
      ...options,
      headers: { host: name, ...options.headers },
    });

  async function statusOf(outgoing: ReturnType<typeof call>): Promise<number | undefined> {
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  }

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), `${command}-`));
    ca = readFileSync(makePrivateCa(directory, name).caFile);
    upstream.listen(0, "127.0.0.1");
    await once(upstream, "listening");
    port = await freePort();
    plainPort = await freePort();
    const stand = { directory, port, plainPort, upstream: (upstream.address() as AddressInfo).port };
    const [program, ...options] = await prepare(stand);
    const env = { PATH: process.env.PATH, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
    proxy = spawn(program!, options, { cwd: directory, env, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    proxy.stderr!.on("data", (chunk) => (said += chunk));
    const isUp = () =>
      statusOf(call().end()).then(
        () => true,
        () => false,
      );
    while (!(await isUp())) {
      if (proxy.exitCode !== null) throw new Error(`${command} ended: ${said}`);
      await sleep(50);
    }
  });
  afterAll(async () => {
    if (proxy.exitCode === null) {
      // Caddy would wait for connections to end.
      proxy.kill("SIGKILL");
      await once(proxy, "exit");
    }
    upstream.closeAllConnections();
    upstream.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test("hands on each event before the next one is there, and ends what its client leaves", async () => {
    const { promise: started, resolve: start } = Promise.withResolvers<ServerResponse>();
    answer = (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
      start(response);
    };
    const outgoing = call({ path: "/proxy/anthropic/v1/messages", method: "POST" }).end("{}");
    outgoing.on("error", () => {});
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    const events = await started;
    for (const event of ["data: one\n\n", "data: two\n\n", "data: three\n\n"]) {
      events.write(event);
      const [chunk] = (await once(response, "data")) as [Buffer];
      expect(String(chunk)).toBe(event);
    }
    const closed = once(events, "close");
    response.on("error", () => {});
    outgoing.destroy();
    await closed;
    expect(events.writableFinished).toBe(false);
  });

  test("tells the client's address, and nothing that the client says of it", async () => {
    const { promise: seen, resolve } = Promise.withResolvers<IncomingMessage["headers"]>();
    answer = (incoming, response) => {
      resolve(incoming.headers);
      response.end();
    };
    const headers = { "x-forwarded-for": "203.0.113.9", forwarded: "for=203.0.113.9", "x-request-id": "ours-1" };
    expect(await statusOf(call({ localAddress: "127.0.0.2", headers }).end())).toBe(200);
    const { forwarded, "x-forwarded-for": list, "x-request-id": id } = await seen;
    expect({ forwarded, list, id }).toEqual({ forwarded: undefined, list: "127.0.0.2", id: "ours-1" });
    expect(createClientAddress(["127.0.0.1"])("127.0.0.1", await seen)).toBe("127.0.0.2");
  });

  test("takes bodies as large as the server does, and hands them on before they are whole", async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    answer = async (incoming, response) => {
      let bytes = 0;
      for await (const chunk of incoming) {
        begin();
        bytes += (chunk as Buffer).length;
      }
      response.end(String(bytes));
    };
    const outgoing = call({ method: "POST", headers: { "content-length": maxBodyBytes } });
    outgoing.write(Buffer.alloc(65_536));
    await begun;
    outgoing.end(Buffer.alloc(maxBodyBytes - 65_536));
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response) text += chunk;
    expect(text).toBe(String(maxBodyBytes));

    // Caddy leaves it to the server to refuse larger ones.
    if (command === "caddy") return;
    const tooLarge = call({ method: "POST", headers: { "content-length": maxBodyBytes + 1 } });
    tooLarge.on("error", () => {});
    tooLarge.flushHeaders();
    expect(await statusOf(tooLarge)).toBe(413);
    tooLarge.destroy();
  });

  test("writes neither a key nor a query into its log", async () => {
    answer = (_, response) => response.end();
    const headers = { "x-api-key": "a-key-in-a-header", authorization: "Bearer a-token" };
    expect(await statusOf(call({ path: "/proxy/gemini/v1beta/models?key=a-key-in-a-query", headers }).end())).toBe(200);
    const log = () => readFileSync(join(directory, "access.log"), "utf8");
    while (!log().includes("/proxy/gemini/v1beta/models")) await sleep(20);
    expect(log()).not.toMatch(/a-key|a-token|key=/);
  });

  test("writes no query into a log where it sends a client of http on to https", async () => {
    const path = "/proxy/gemini/v1beta/models/plain?key=a-key-in-a-query";
    const address = `http://127.0.0.1:${plainPort}${path}`;
    const outgoing = plainRequest(address, { agent: false, headers: { host: name } }).end();
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    response.resume();
    expect([response.statusCode, response.headers.location]).toEqual([308, `https://${name}${path}`]);
    const logs = () =>
      readdirSync(directory)
        .filter((file) => file.endsWith(".log"))
        .map((file) => readFileSync(join(directory, file), "utf8"))
        .join("");
    while (!logs().includes("/models/plain")) await sleep(20);
    expect(logs()).not.toMatch(/a-key|key=/);
  });
}
