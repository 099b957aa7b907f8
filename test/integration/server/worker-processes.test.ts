import { rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { Agent, fetch } from "undici";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { runBundle } from "../../run-bundle.ts";
import { adminToken, makeStateDir, type ServerProcess, startServerProcess, token } from "../../server-process.ts";
import { workerPids } from "../../worker-pids.ts";

const isLinux = process.platform === "linux";
if (!isLinux) console.warn("skipped: worker processes, whose pids are read from Linux's /proc");
const otherToken = "another-gateway-token";

describe.runIf(isLinux)("a server of two worker processes", () => {
  let stateDir: string;
  let tokenFile: string;
  let server: ServerProcess | undefined;
  /** A connection each, and so both worker processes in turn. */
  const dispatcher = new Agent({ pipelining: 0 });
  const ask = (path: string, bearer = token) =>
    fetch(`${server?.origin}${path}`, { dispatcher, headers: { authorization: `Bearer ${bearer}` } });
  const statuses = async (bearer: string) => {
    const found: number[] = [];
    for (let call = 0; call < 4; call++) found.push((await ask("/api/v1/agents", bearer)).status);
    return [...new Set(found)];
  };
  const start = async () => {
    server = await startServerProcess(stateDir, {
      OPENCLAW_WORKERS: "2",
      OPENCLAW_GATEWAY_TOKEN: "",
      OPENCLAW_GATEWAY_TOKEN_FILE: tokenFile,
    });
    return server;
  };
  const configure = (provisioning: object) =>
    writeFileSync(
      join(stateDir, "config.json"),
      JSON.stringify({ gateway: { provisioning: { enabled: true, ...provisioning } }, logging: { level: "info" } }),
    );

  beforeEach(async () => {
    stateDir = await makeStateDir();
    tokenFile = join(stateDir, "gateway-token");
    writeFileSync(tokenFile, token);
    configure({});
  });
  afterEach(async () => {
    await server?.stop();
    server = undefined;
    rmSync(stateDir, { recursive: true, force: true });
  });
  afterAll(() => dispatcher.close());

  it("answers from both, says in its log from which, and tells the metrics of both as one", async () => {
    const { output } = await start();
    for (let call = 0; call < 10; call++) expect((await ask("/api/v1/agents")).status).toBe(200);
    for (const metrics of [await (await ask("/metrics")).text(), await (await ask("/metrics")).text()]) {
      expect(metrics).toMatch(/openclaw_http_requests_total\{route="listAgents",status="200"\} 10\n/);
      expect(metrics).toContain("openclaw_workers 2\n");
    }
    const lines = output().trim().split("\n");
    const workers = lines.map((line) => JSON.parse(line)).filter(({ path }) => path === "/api/v1/agents");
    expect([...new Set(workers.map(({ worker }) => worker))].sort()).toEqual([1, 2]);
    expect(lines.filter((line) => line.includes('"listening"'))).toEqual([expect.stringContaining('"workers":2')]);
  });

  it("tells the metrics of its worker processes while a gateway is silent, which is asked by one process alone", async () => {
    let isSilent = false;
    const asked: number[] = [];
    const gateway = createHttpServer((_, response) => {
      if (isSilent) asked.push(performance.now());
      else response.setHeader("content-type", "application/json").end('{"agents":[]}');
    });
    await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
    const { port } = gateway.address() as { port: number };
    configure({ host: { kind: "remote", gateways: [{ id: "silent", url: `http://127.0.0.1:${port}`, token }] } });
    try {
      await start();
      isSilent = true;
      const response = await ask("/metrics");
      expect(response.status).toBe(200);
      expect(await response.text()).toContain("openclaw_workers 2\n");
      // Two seconds later it is asked with more patience.
      expect(asked.filter((at) => at - asked[0]! < 1_000)).toHaveLength(1);
    } finally {
      gateway.close();
      gateway.closeAllConnections();
    }
  });

  it("never counts back when one dies, and says so", async () => {
    const { pid } = await start();
    for (let call = 0; call < 10; call++) await ask("/api/v1/agents");
    await ask("/metrics");
    process.kill(workerPids(pid)[0]!, "SIGKILL");
    const metrics = async () => await (await ask("/metrics")).text();
    await expect.poll(metrics, { timeout: 10_000 }).toMatch(/openclaw_workers 2\n/);
    expect(await metrics()).toContain("openclaw_worker_deaths_total 1\n");
    expect(await metrics()).toMatch(/openclaw_http_requests_total\{route="listAgents",status="200"\} 10\n/);
  });

  it("takes new settings in all of them on SIGHUP, and one that is replaced has the settings of the others", async () => {
    const { pid, output } = await start();
    expect([await statuses(token), await statuses(otherToken)]).toEqual([[200], [401]]);
    writeFileSync(tokenFile, `${otherToken},${token}`);
    expect(await statuses(otherToken)).toEqual([401]);
    const [first] = workerPids(pid);
    process.kill(first!, "SIGKILL");
    await expect.poll(() => workerPids(pid).filter((one) => one !== first), { timeout: 10_000 }).toHaveLength(2);
    await expect
      .poll(async () => await (await ask("/metrics")).text(), { timeout: 10_000 })
      .toMatch(/openclaw_workers 2\n/);
    expect(await statuses(otherToken)).toEqual([401]);
    process.kill(pid, "SIGHUP");
    await expect.poll(() => statuses(otherToken)).toEqual([200]);
    expect(output().match(/"settings were read again"/g)).toHaveLength(1);
    writeFileSync(tokenFile, "short");
    process.kill(pid, "SIGHUP");
    await expect.poll(output).toMatch(/settings cannot be read again; those from before stay/);
    expect(await statuses(otherToken)).toEqual([200]);
  });

  it("stops as a whole when a terminal signals each of its processes, and none is replaced then", async () => {
    const { pid, output, stop } = await start();
    for (const worker of workerPids(pid)) {
      for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.kill(worker, signal);
    }
    expect(await statuses(token)).toEqual([200]);
    expect(await stop()).toBe(0);
    expect(output()).not.toMatch(/died/);
    expect(output()).toMatch(/"draining".*\n.*"stopped"/);
  });

  it("refuses the start where its port is taken, as one process does", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const env = {
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_GATEWAY_TOKEN: token,
      OPENCLAW_ADMIN_TOKEN: adminToken,
      OPENCLAW_GATEWAY_PORT: String(port),
      OPENCLAW_WORKERS: "2",
    };
    const { exitCode, stderr, stdout } = await runBundle(["serve"], env);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toBe(
      `error: cannot listen on 127.0.0.1, port ${port}: something else listens there; stop it, or set OPENCLAW_GATEWAY_PORT\n`,
    );
    await new Promise((resolve) => taken.close(resolve));
  });
});
