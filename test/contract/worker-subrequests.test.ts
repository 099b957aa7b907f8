import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Response as EdgeResponse } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayApp, openGatewayApp, switchboard } from "../conformance/gateway-app.ts";
import { masterKeys, type SampleAdminApis, sampleAdminApis } from "../upstream/sample-admin-apis.ts";
import { ask, contractConfig, makeKey, makeLinkedKey } from "./target.ts";
import { type WorkerTarget, workerTarget } from "./worker-target.ts";

const entryPoint = fileURLToPath(new URL("../workers/subrequests-worker.ts", import.meta.url));
const mostSubrequests = 1_000;
const agents = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, at) => ({ name: `${prefix}-${String(at).padStart(3, "0")}` }));

async function taken(target: WorkerTarget, work: () => Promise<unknown>): Promise<number> {
  const read = async () => Number((await target.fetch(`${target.origin}/healthz`)).headers.get("x-subrequests"));
  const before = await read();
  await work();
  return (await read()) - before;
}

describe("of the thousand subrequests of an invocation, a Worker takes", () => {
  let root: string;
  let gateways: GatewayApp[];
  let apis: SampleAdminApis;
  let target: WorkerTarget;
  let registry: WorkerTarget;
  beforeAll(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), "worker-gateways-")));
    gateways = await Promise.all(["gw1", "gw2", "gw3"].map((id) => openGatewayApp(id, root)));
    apis = await sampleAdminApis();
    const toGateway = switchboard(gateways);
    const send = async (request: Request) => {
      if (gateways.some(({ settings }) => request.url.startsWith(settings.url))) return await toGateway(request);
      const { url, method, headers } = request;
      const body = method === "GET" ? null : await request.text();
      const sent = [...headers].filter(([name]) => /^(authorization|content-type)$/.test(name));
      return await fetch(url.replace("https://apikeys.googleapis.com", `${apis.origin}/google`), {
        method,
        headers: sent,
        body,
      });
    };
    const host = { kind: "remote", gateways: gateways.map(({ settings }) => settings) };
    target = await workerTarget({
      entryPoint,
      config: { gateway: { provisioning: { ...contractConfig.gateway.provisioning, host } } },
      miniflare: {
        outboundService: (async (request: Request) => {
          const { url, method, headers } = request;
          const body = method === "GET" ? null : await request.arrayBuffer();
          const answer = await send(new Request(url, { method, headers: [...headers], body }));
          const headersBack = [...answer.headers].filter(([name]) => !/^(content-length|connection)$/.test(name));
          return new EdgeResponse(await answer.text(), { status: answer.status, headers: headersBack });
        }) as never,
      },
    });
    registry = await workerTarget({ entryPoint });
  });
  afterAll(async () => {
    await Promise.all([
      target?.close(),
      registry?.close(),
      apis?.close(),
      ...gateways.map((gateway) => gateway.close()),
    ]);
    await rm(root, { recursive: true, force: true });
  });

  it("fewer for the most agents with AI keys that one call makes on gateways", async () => {
    const { key } = await makeLinkedKey(target, { maxAgents: 100 });
    const create = async (count: number) => {
      const keyed = agents(count, "keyed").map((one) => ({ ...one, autoProvisionAiKey: { provider: "anthropic" } }));
      const headers = { "idempotency-key": "keyed" };
      return await ask(target, "POST", "/agents/bulk", { key, headers, body: { action: "create", agents: keyed } });
    };
    const tooMany = await create(25);
    expect(tooMany).toMatchObject({ status: 400, body: { code: "invalid_body" } });
    const { most } = tooMany.body.errors[0];
    const made = async () => {
      const { body } = await create(most);
      expect(body.results).toHaveLength(most);
      expect(body.results.filter(({ code }: { code?: string }) => code !== undefined)).toEqual([]);
    };
    expect(await taken(target, made)).toBeLessThan(mostSubrequests);
  }, 60_000);

  it("fewer for the most agents with minted keys that one call makes, or deletes", async () => {
    const google = {
      provider: "gemini",
      key: masterKeys.gemini,
      project: "sample-project",
      credentials: apis.serviceAccount,
    };
    const { key } = await makeLinkedKey(target, { maxAgents: 100 }, google);
    const bulk = async (body: Record<string, unknown>) =>
      await ask(target, "POST", "/agents/bulk", { key, headers: { "idempotency-key": crypto.randomUUID() }, body });
    const minted = (count: number, prefix: string) =>
      agents(count, prefix).map((one) => ({ ...one, autoProvisionAiKey: { provider: "gemini", mode: "minted" } }));
    const most = async (body: Record<string, unknown>) =>
      Number(/at most (\d+) agents/.exec((await bulk(body)).body.detail)![1]);
    const agentIds: string[] = [];
    const mostMade = await most({ action: "create", agents: minted(100, "minted") });
    const mostDeleted = await most({ action: "delete", agentIds: agents(100, "none").map(({ name }) => name) });
    for (let part = 0; agentIds.length < mostDeleted; part++) {
      const made = async () => {
        const { body } = await bulk({ action: "create", agents: minted(mostMade, `minted-${part}`) });
        agentIds.push(...body.results.map(({ agentId }: { agentId: string }) => agentId));
      };
      expect(await taken(target, made)).toBeLessThan(0.95 * mostSubrequests);
    }
    const deleted = async () => {
      const { body } = await bulk({ action: "delete", agentIds: agentIds.slice(0, mostDeleted) });
      expect(body.succeeded).toHaveLength(mostDeleted);
    };
    expect(await taken(target, deleted)).toBeLessThan(0.95 * mostSubrequests);
  }, 120_000);

  it("a few hundred for a page of a search, and of one's own agents, however many are asked for", async () => {
    const { key } = await makeKey(registry, { maxAgents: 200, reach: "own" });
    for (let part = 0; part < 6; part++) {
      await ask(registry, "POST", "/agents/bulk", {
        key,
        body: { action: "create", agents: agents(20, `own-${part}`) },
      });
    }
    for (const query of ["limit=1000", "limit=1000&sort=-agentId"]) {
      const pages: number[] = [];
      const read = async (cursor = ""): Promise<void> => {
        const { body } = await ask(registry, "GET", `/agents?${query}${cursor}`, { key });
        pages.push(body.agents.length);
        if (body.nextCursor !== undefined) await read(`&cursor=${encodeURIComponent(body.nextCursor)}`);
      };
      expect(await taken(registry, read)).toBeLessThan(400);
      expect(pages).toEqual([100, 20]);
    }
  }, 60_000);
});
