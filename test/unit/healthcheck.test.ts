import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** @returns the port at which a server says whether it is ready, at this address alone */
async function readiness(host: string, status: number, ipv6Only = false): Promise<number> {
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/readyz" ? status : 404).end();
  });
  closers.push(() => server.close());
  await new Promise<void>((resolve) => server.listen({ port: 0, host, ipv6Only }, resolve));
  return (server.address() as AddressInfo).port;
}

async function check(host: string | undefined, port: number, env: Record<string, string> = {}): Promise<number | null> {
  const child = spawn(process.execPath, ["scripts/healthcheck.mjs"], {
    env: { OPENCLAW_GATEWAY_PORT: String(port), ...(host !== undefined && { OPENCLAW_GATEWAY_HOST: host }), ...env },
    stdio: "inherit",
  });
  return await new Promise((resolve) => child.once("exit", resolve));
}

describe("the container's healthcheck", () => {
  it.each([
    [undefined, "127.0.0.1", false],
    ["0.0.0.0", "0.0.0.0", false],
    ["::", "::", true],
    ["[::1]", "::1", true],
    ["127.0.0.2", "127.0.0.2", false],
  ])("finds a server whose OPENCLAW_GATEWAY_HOST is %s", async (host, listensAt, ipv6Only) => {
    expect(await check(host, await readiness(listensAt, 200, ipv6Only))).toBe(0);
    expect(await check(host, await readiness(listensAt, 503, ipv6Only))).toBe(1);
  });

  it("asks past the proxy of the environment", async () => {
    const env = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: "http://127.0.0.1:9", http_proxy: "http://127.0.0.1:9" };
    expect(await check("127.0.0.1", await readiness("127.0.0.1", 200), env)).toBe(0);
  });

  it("fails where nothing listens", async () => {
    expect(await check("127.0.0.1", 9)).toBe(1);
  });
});
