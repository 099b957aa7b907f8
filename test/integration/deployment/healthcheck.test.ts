import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
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

const hasIpv6 = Object.values(networkInterfaces()).some((of) => of?.some(({ family }) => family === "IPv6"));
if (!hasIpv6) console.warn("skipped: this machine has no IPv6 address, not even the loopback's");

describe("the container's healthcheck", () => {
  const addresses: [host: string | undefined, listensAt: string, ipv6Only: boolean][] = [
    [undefined, "127.0.0.1", false],
    ["0.0.0.0", "0.0.0.0", false],
    ["::", "::", true],
    ["[::1]", "::1", true],
    ["127.0.0.2", "127.0.0.2", false],
  ];
  it.each(addresses.filter(([, , ipv6Only]) => hasIpv6 || !ipv6Only))(
    "finds a server whose OPENCLAW_GATEWAY_HOST is %s",
    async (host, listensAt, ipv6Only) => {
      expect(await check(host, await readiness(listensAt, 200, ipv6Only))).toBe(0);
      expect(await check(host, await readiness(listensAt, 503, ipv6Only))).toBe(1);
    },
  );

  it("asks past the proxy of the environment", async () => {
    const env = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: "http://127.0.0.1:9", http_proxy: "http://127.0.0.1:9" };
    expect(await check("127.0.0.1", await readiness("127.0.0.1", 200), env)).toBe(0);
  });

  it("fails where nothing listens", async () => {
    expect(await check("127.0.0.1", 9)).toBe(1);
  });
});
