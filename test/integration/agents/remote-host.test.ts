import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { GatewayUntouched } from "../../../src/errors.ts";
import { createRemoteHost, type RemoteHost } from "../../../src/host/remote-host.ts";
import type { Fetch, HostCreate } from "../../../src/ports.ts";
import type { Context } from "../../../src/service/context.ts";
import { type PlanRequest, planAgent } from "../../../src/service/gateways/choose-gateway.ts";
import { refusal } from "../../conformance/agent-host.ts";
import { type GatewayApp, openGatewayApp, switchboard } from "../../conformance/gateway-app.ts";

let root: string;
let gw1: GatewayApp;
let gw2: GatewayApp;
let logged: unknown[];
let now: number;
const everything = { workspace: true, sessions: true };

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "remote-host-")));
  [gw1, gw2] = await Promise.all([openGatewayApp("gw1", root), openGatewayApp("gw2", root)]);
  logged = [];
  now = Date.now();
});
afterEach(async () => {
  await Promise.all([gw1.close(), gw2.close()]);
  await rm(root, { recursive: true, force: true });
});

/** Stands between the host and its gateways: `undefined` lets a request through. */
type Interference = (request: Request, send: () => Promise<Response>) => Promise<Response> | undefined;

function remote(
  interfere: Interference = () => undefined,
  more: { timeoutMs?: number; workingMs?: number; gateways?: GatewayApp[] } = {},
): RemoteHost {
  const gateways = more.gateways ?? [gw1, gw2];
  const through = switchboard([gw1, gw2]);
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input, init);
    const copy = request.clone();
    return await (interfere(request, () => through(copy)) ?? through(copy));
  };
  return createRemoteHost({
    gateways: gateways.map((one) => one.settings),
    fetch,
    timeoutMs: more.timeoutMs ?? 2_000,
    workingMs: more.workingMs,
    clock: { now: () => now },
    log: (...entry) => logged.push(entry),
  });
}

/** As a create chooses, with nothing cordoned. */
const placed = async (host: RemoteHost, request: Partial<PlanRequest>, tried?: string[]) => {
  const settings = { provisioning: { host: { placement: [] } } };
  const agentIndex = { entries: async () => [] };
  const context = { host, settings, agentIndex, clock: { now: () => now }, ledger: { get: async () => undefined } };
  return await planAgent(
    context as unknown as Context,
    { agentId: "a", heldToQuota: false, ...request },
    new Set(tried),
  );
};

let count = 0;
async function planned(host: RemoteHost, agentId: string, more: Partial<HostCreate> = {}): Promise<HostCreate> {
  const plan = await placed(host, { agentId, gateway: more.gateway, workspace: more.workspace });
  const basis = { agentId, name: agentId, bindings: [], skipBootstrap: true, awaitReady: true };
  return { ...basis, operationId: `op-${++count}`, ...more, ...plan };
}
async function created(host: RemoteHost, agentId: string, more: Partial<HostCreate> = {}): Promise<HostCreate> {
  const agent = await planned(host, agentId, more);
  await host.create(agent);
  return agent;
}

const isTo = (request: Request, gateway: GatewayApp): boolean => request.url.startsWith(gateway.settings.url);
const isCreate = (request: Request): boolean => request.url.endsWith("/agents/create");
const refuseConnection = (): never => {
  throw new TypeError("fetch failed", { cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }) });
};
const loseConnection = (): never => {
  throw new TypeError("fetch failed", { cause: Object.assign(new Error("reset"), { code: "ECONNRESET" }) });
};
const down =
  (gateway: GatewayApp): Interference =>
  (request) =>
    isTo(request, gateway) ? Promise.resolve().then(refuseConnection) : undefined;
/** As a connection holds its request: nothing else does, and one that is collected is never aborted. */
const unanswered = new Set<Request>();
/** Never answers, as a machine that is gone; the caller's patience ends it. */
const silence = (request: Request): Promise<never> => {
  unanswered.add(request);
  return new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason)));
};

describe("placing", () => {
  test("where it is asked for", async () => {
    const host = remote();
    expect((await placed(host, { gateway: "gw2" })).gateway).toBe("gw2");
    await expect(placed(host, { gateway: "gw3" })).rejects.toEqual(refusal("gateway_not_found"));
  });

  test("with the gateway that has the fewest agents, others' agents counted", async () => {
    const direct = remote(undefined, { gateways: [gw1] });
    for (const id of ["a", "b", "c"]) await created(direct, id);
    const host = remote();
    const places = [];
    for (const id of ["d", "e", "f", "g"]) places.push((await created(host, id)).gateway);
    expect(places).toEqual(["gw2", "gw2", "gw2", "gw1"]);
  });

  test("spread, when many are placed at one time", async () => {
    const host = remote();
    await host.check();
    const agents = await Promise.all(Array.from({ length: 20 }, (_, at) => planned(host, `many-${at}`)));
    expect(agents.filter((one) => one.gateway === "gw1")).toHaveLength(10);
  });

  test("not with one that does not answer, nor with one that refuses us", async () => {
    const host = remote(down(gw1));
    for (const id of ["a", "b", "c"]) expect((await created(host, id)).gateway).toBe("gw2");
    const locked = { ...gw1, settings: { ...gw1.settings, token: "another-token" } };
    expect((await placed(remote(undefined, { gateways: [locked, gw2] }), {})).gateway).toBe("gw2");
  });

  test("not with one that was tried in vain, though it has the fewest", async () => {
    await created(remote(undefined, { gateways: [gw2] }), "a");
    expect((await placed(remote(), {}, ["gw1"])).gateway).toBe("gw2");
    const only = remote(undefined, { gateways: [gw1] });
    await expect(placed(only, {}, ["gw1"])).rejects.toEqual(refusal("host_unavailable"));
  });

  test("nowhere, when none answers", async () => {
    const host = remote(() => Promise.resolve().then(refuseConnection));
    const later = { code: "host_unavailable", headers: { "retry-after": "5" } };
    await expect(placed(host, {})).rejects.toMatchObject(later);
    await expect(host.check()).rejects.toEqual(refusal("host_unavailable"));
  });

  test("with one that is too busy for a question, when no other answers", async () => {
    const host = remote(
      (request, send) => {
        if (isTo(request, gw1)) return Promise.resolve().then(refuseConnection);
        return isCreate(request) ? undefined : new Promise((resolve) => setTimeout(resolve, 2_300)).then(send);
      },
      { timeoutMs: 10_000 },
    );
    expect((await placed(host, {})).gateway).toBe("gw2");
  });

  test.each([
    ["", 60_000],
    [", also where the clock was set back meanwhile", -3_600_000],
  ])("a gateway that comes back is used again%s", async (_, passed) => {
    let isDown = true;
    const host = remote((request) =>
      isDown && isTo(request, gw1) ? Promise.resolve().then(refuseConnection) : undefined,
    );
    await created(host, "a");
    isDown = false;
    expect((await created(host, "b")).gateway).toBe("gw2");
    now += passed;
    expect((await created(host, "c")).gateway).toBe("gw1");
  });
});

describe("across gateways", () => {
  test("one list in ascending order, in pages", async () => {
    const host = remote();
    for (const [id, gateway] of [
      ["a", "gw1"],
      ["b", "gw2"],
      ["c", "gw2"],
      ["d", "gw1"],
      ["e", "gw2"],
    ] as const) {
      await created(host, id, { gateway });
    }
    const seen = [];
    let cursor: string | undefined;
    do {
      const page = await host.list({ limit: 2, cursor });
      expect(page.unreachable).toEqual([]);
      seen.push(...page.agents.map((one) => `${one.agentId}@${one.gateway}`));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(["a@gw1", "b@gw2", "c@gw2", "d@gw1", "e@gw2"]);
    expect(await host.find("c")).toMatchObject({ agents: [{ agentId: "c", gateway: "gw2" }], unreachable: [] });
    expect(await host.find("z")).toEqual({ agents: [], unreachable: [] });
  });

  test("one that is down is named, and the others are listed", async () => {
    const whole = remote();
    const onFirst = await created(whole, "a", { gateway: "gw1" });
    await created(whole, "b", { gateway: "gw2" });
    const host = remote(down(gw1));
    const { agents, unreachable } = await host.list({ limit: 10 });
    expect(agents.map((one) => one.agentId)).toEqual(["b"]);
    expect(unreachable).toEqual(["gw1"]);
    expect(await host.inspect(onFirst)).toMatchObject({
      reachable: false,
      workspace: "unknown",
      credentials: "unknown",
    });
    expect((await whole.inspect(onFirst)).reachable).toBe(true);
  });

  test("a silent one costs its patience once, and then nothing for a while", async () => {
    let asked = 0;
    const host = remote(
      (request) => {
        if (!isTo(request, gw1)) return undefined;
        asked++;
        return silence(request);
      },
      { timeoutMs: 100 },
    );
    expect((await host.list({ limit: 10 })).unreachable).toEqual(["gw1"]);
    expect((await host.list({ limit: 10 })).unreachable).toEqual(["gw1"]);
    await host.find("x");
    expect(asked).toBe(1);
    now += 6_000;
    await host.list({ limit: 10 });
    expect(asked).toBe(2);
    expect(logged.filter((one) => inspect(one).includes("does not answer"))).toHaveLength(1);
  });

  test("an agent of a gateway that is no longer configured is a clear error", async () => {
    const agent = await created(remote(), "a", { gateway: "gw1" });
    const host = remote(undefined, { gateways: [gw2] });
    await expect(host.bind(agent, ["slack"])).rejects.toEqual(refusal("gateway_not_found"));
  });
});

describe("a gateway that takes its time", () => {
  test("for a delete longer than one attempt is waited for: what it is busy with is that delete", async () => {
    const agent = await created(remote(undefined, { gateways: [gw1] }), "slow");
    let ended = false;
    const busy = () =>
      Response.json({ status: 409, code: "agent_busy", detail: "It is being changed.", title: "x" }, { status: 409 });
    let attempts = 0;
    const host = remote(
      (request, send) => {
        if (request.method !== "DELETE") return undefined;
        if (++attempts > 1) return ended ? undefined : Promise.resolve(busy());
        setTimeout(async () => {
          await send();
          ended = true;
        }, 1_600);
        return silence(request);
      },
      { gateways: [gw1], timeoutMs: 1_000 },
    );
    expect((await host.remove(agent, everything)).deleted).toEqual(["entry"]);
    expect(attempts).toBeGreaterThan(2);
    expect(await gw1.agentIds()).toEqual([]);
  });

  const inFlight = () =>
    Response.json(
      { status: 409, code: "idempotency_in_flight", detail: "It is still running.", title: "x" },
      { status: 409 },
    );

  test("for a create is asked for longer than a silent one, while it says that it is at it", async () => {
    const timeoutMs = 700;
    let askedAt: number | undefined;
    const host = remote(
      (request) => {
        if (!isCreate(request)) return undefined;
        askedAt ??= Date.now();
        // A silent one gets twice the patience with one attempt.
        return Date.now() - askedAt < 4 * timeoutMs ? Promise.resolve(inFlight()) : undefined;
      },
      { gateways: [gw1], timeoutMs },
    );
    expect((await host.create(await planned(host, "patience"))).workspace).toBeDefined();
    expect(await gw1.agentIds()).toEqual(["patience"]);
  });

  test("for a create and falls silent in the middle of it is given up, and the create is in doubt", async () => {
    let asked = 0;
    const host = remote(
      (request) => (!isCreate(request) ? undefined : ++asked === 1 ? Promise.resolve(inFlight()) : silence(request)),
      { gateways: [gw1], timeoutMs: 400 },
    );
    const error = await host.create(await planned(host, "quiet")).catch((one: unknown) => one);
    expect(error).toEqual(refusal("gateway_failed"));
    expect(error).not.toBeInstanceOf(GatewayUntouched);
    expect(asked).toBeGreaterThan(1);
  });

  test("for a create without end is given up once all patience is spent", async () => {
    const host = remote((request) => (isCreate(request) ? Promise.resolve(inFlight()) : undefined), {
      gateways: [gw1],
      timeoutMs: 50,
      workingMs: 400,
    });
    const agent = await planned(host, "endless");
    const error = await host.create(agent).catch((one: unknown) => one);
    expect(error).toEqual(refusal("gateway_failed"));
    expect(error).not.toBeInstanceOf(GatewayUntouched);
  });

  test("for another's change is not: the caller is told", async () => {
    const agent = await created(remote(undefined, { gateways: [gw1] }), "busy");
    const host = remote(
      (request) =>
        request.method === "DELETE"
          ? Promise.resolve(
              Response.json({ status: 409, code: "agent_busy", detail: "x", title: "x" }, { status: 409 }),
            )
          : undefined,
      { gateways: [gw1] },
    );
    await expect(host.remove(agent, everything)).rejects.toEqual(refusal("agent_busy"));
  });

  const credential = { provider: "anthropic", apiKey: "ocv_x", baseUrl: undefined, metered: true };
  const starting = async (more: Partial<HostCreate>) => {
    const preferences: (string | null)[] = [];
    const host = remote((request, send) => {
      if (!isCreate(request)) return undefined;
      preferences.push(request.headers.get("prefer"));
      return send().then(async (made) => Response.json({ ...(await made.json()), status: "starting" }, made));
    });
    const made = await host.create(await planned(host, `slow-${++count}`, more));
    return [preferences, made.starting ?? false];
  };

  test("is waited for as the caller asked, with a credential as without", async () => {
    for (const more of [{}, { credential }]) {
      expect(await starting(more)).toEqual([[null], true]);
      expect(await starting({ ...more, awaitReady: false })).toEqual([["respond-async, wait=3"], true]);
    }
  });
});

describe("a creation with a credential", () => {
  const apiKey = "sk-test-not-a-real-key";
  const credential = { provider: "anthropic", apiKey, metered: false };

  test("is one request, and the agent has the key", async () => {
    const changes: string[] = [];
    const host = remote((request) => {
      if (request.method !== "GET") changes.push(new URL(request.url).pathname);
      return undefined;
    });
    const made = await host.create(await planned(host, "keyed", { gateway: "gw1", credential }));
    expect(made.profileId).toBe("anthropic:dedicated");
    expect(changes).toEqual(["/api/v1/agents/create"]);
    expect(await gw1.storedKey("keyed", "anthropic")).toBe(apiKey);
  });

  test("whose answer is lost is one agent, with the key", async () => {
    let creates = 0;
    const host = remote((request, send) =>
      isCreate(request) && ++creates === 1 ? send().then(loseConnection) : undefined,
    );
    await host.create(await planned(host, "lost", { gateway: "gw1", credential }));
    expect(creates).toBe(2);
    expect(await gw1.agentIds()).toEqual(["lost"]);
    expect(await gw1.storedKey("lost", "anthropic")).toBe(apiKey);
  });

  test.each([
    ["in this process", false],
    ["after a restart", true],
  ])("undone %s is asked once more without the key, and stays undone", async (_, restarted) => {
    const held: (() => Promise<Response>)[] = [];
    const bodies: string[] = [];
    let holding = true;
    const interfere: Interference = (request, send) => {
      if (!isCreate(request)) return undefined;
      if (holding) {
        held.push(send);
        return silence(request);
      }
      return request
        .text()
        .then((text) => bodies.push(text))
        .then(send);
    };
    const host = remote(interfere, { timeoutMs: 150 });
    const agent = await planned(host, "late", { gateway: "gw1", credential });
    await expect(host.create(agent)).rejects.toEqual(refusal("gateway_failed"));
    holding = false;
    const { credential: _key, ...asked } = agent;
    if (restarted) await remote(interfere).remove({ ...asked, asked }, everything);
    else await host.remove(agent, everything);
    expect(bodies).toHaveLength(1);
    expect(bodies[0]).not.toContain(apiKey);
    for (const send of held) expect((await send()).status).toBe(200);
    expect(await gw1.agentIds()).toEqual([]);
  });

  test("on a gateway of an earlier release is refused with the remedy, and nothing is in doubt", async () => {
    const errors = [{ path: "auth", message: "is not a known field" }];
    const old = () =>
      Response.json({ status: 400, code: "invalid_body", detail: "x", title: "x", errors }, { status: 400 });
    const host = remote((request) => (isCreate(request) ? Promise.resolve(old()) : undefined));
    const error = await host.create(await planned(host, "a", { credential })).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(GatewayUntouched);
    expect((error as Error).message).toMatch(/^The gateway "gw1" is of an earlier release .* upgrade it/);
  });

  test("of which the gateway refuses something else is refused in other words", async () => {
    const errors = [{ path: "auth.baseUrl", message: "must be an http or https URL" }];
    const body = { status: 400, code: "invalid_body", detail: "x", title: "x", errors };
    const host = remote((request) =>
      isCreate(request) ? Promise.resolve(Response.json(body, { status: 400 })) : undefined,
    );
    await expect(host.create(await planned(host, "a", { credential }))).rejects.toThrow(/failed \(invalid_body\)\.$/);
  });
});

describe("a creation in doubt", () => {
  test("whose answer is lost is repeated, and is one agent", async () => {
    let creates = 0;
    const host = remote((request, send) =>
      isCreate(request) && ++creates === 1 ? send().then(loseConnection) : undefined,
    );
    const made = await host.create(await planned(host, "once", { gateway: "gw1", bindings: ["slack"] }));
    expect(made.bindings.added).toEqual(["slack"]);
    expect(made.workspace).toBe(join(gw1.stateDir, "workspace-once"));
    expect(made.agentDir).toBe(join(gw1.stateDir, "agents/once/agent"));
    expect(creates).toBe(2);
    expect(await gw1.agentIds()).toEqual(["once"]);
  });

  test("that takes longer than the patience with one attempt is waited for", async () => {
    let creates = 0;
    const slowly = async (send: () => Promise<Response>) => {
      await new Promise((resolve) => setTimeout(resolve, 1_600));
      return await send();
    };
    const host = remote(
      (request, send) => {
        if (!isCreate(request) || ++creates > 1) return undefined;
        return Promise.race([slowly(send), silence(request)]);
      },
      { timeoutMs: 1_500 },
    );
    await host.create(await planned(host, "slow", { gateway: "gw1" }));
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(await gw1.agentIds()).toEqual(["slow"]);
  });

  test("and undone stays undone, also when its request arrives afterwards", async () => {
    const held: (() => Promise<Response>)[] = [];
    let holding = true;
    const host = remote(
      (request, send) => {
        if (!holding || !isCreate(request)) return undefined;
        held.push(send);
        return silence(request);
      },
      { timeoutMs: 150 },
    );
    const agent = await planned(host, "late", { gateway: "gw1" });
    const error = await host.create(agent).catch((one: unknown) => one);
    expect(error).toEqual(refusal("gateway_failed"));
    expect(error).not.toBeInstanceOf(GatewayUntouched);
    expect(held.length).toBeGreaterThan(0);
    holding = false;
    await host.remove(agent, everything);
    for (const send of held) await send();
    expect(await gw1.agentIds()).toEqual([]);
  });

  test("and undone after a restart stays undone, also when its request arrives afterwards", async () => {
    const held: (() => Promise<Response>)[] = [];
    const first = remote(
      (request, send) => {
        if (!isCreate(request)) return undefined;
        held.push(send);
        return silence(request);
      },
      { timeoutMs: 150 },
    );
    const more = { gateway: "gw1", bindings: ["slack"], model: "m", identity: { name: "Late", emoji: "🦊" } };
    const agent = await planned(first, "later", more);
    await expect(first.create(agent)).rejects.toEqual(refusal("gateway_failed"));
    await remote().remove({ ...agent, asked: agent }, everything);
    for (const send of held) await send();
    expect(held.length).toBeGreaterThan(0);
    expect(await gw1.agentIds()).toEqual([]);
  });

  test("is not called undone while the gateway cannot be asked", async () => {
    let state: "cut" | "down" | "up" = "cut";
    const host = remote((request, send) => {
      if (state === "up") return undefined;
      if (state === "down") return Promise.resolve().then(refuseConnection);
      if (!isCreate(request)) return undefined;
      state = "down";
      return send().then(loseConnection);
    });
    const agent = await planned(host, "doubt", { gateway: "gw1" });
    await expect(host.create(agent)).rejects.toEqual(refusal("gateway_failed"));
    await expect(host.remove(agent, everything)).rejects.toEqual(refusal("gateway_failed"));
    state = "up";
    expect((await host.remove(agent, everything)).deleted).toContain("entry");
    expect(await gw1.agentIds()).toEqual([]);
  }, 30_000);

  test("is none where the gateway was never reached, or refused", async () => {
    const host = remote((request) => (isCreate(request) ? Promise.resolve().then(refuseConnection) : undefined));
    const agent = await planned(host, "never", { gateway: "gw1" });
    await expect(host.create(agent)).rejects.toBeInstanceOf(GatewayUntouched);
    expect(await host.remove(agent, everything)).toEqual({ deleted: [], preserved: [] });

    const whole = remote();
    await created(whole, "there", { gateway: "gw1" });
    const second = await planned(whole, "there", { gateway: "gw1" });
    await expect(whole.create(second)).rejects.toEqual(refusal("agent_exists"));
    await whole.remove(second, everything);
    expect(await gw1.agentIds()).toEqual(["there"]);
  }, 30_000);

  test.each([
    [401, "unauthorized"],
    [429, "rate_limited"],
  ])("stays one, when what comes after a lost answer is a %i that looks at no request", async (status, code) => {
    let refusing = true;
    let creates = 0;
    const problem = { code, status, detail: "its own words" };
    const refuse = () => Response.json(problem, { status, headers: { "retry-after": "30" } });
    const host = remote((request, send) => {
      if (!refusing || !isCreate(request)) return undefined;
      return ++creates === 1 ? send().then(loseConnection) : Promise.resolve(refuse());
    });
    const agent = await planned(host, "doubt", { gateway: "gw1" });
    const error = await host.create(agent).catch((one: unknown) => one);
    expect(error).toEqual(refusal("gateway_failed"));
    expect(error).not.toBeInstanceOf(GatewayUntouched);
    await expect(host.remove(agent, everything)).rejects.toEqual(refusal("gateway_failed"));
    refusing = false;
    expect((await host.remove(agent, everything)).deleted).toContain("entry");
    expect(await gw1.agentIds()).toEqual([]);
  });

  test("stays one, when what comes after a lost answer is another server's page, such as that of a proxy before it", async () => {
    let isProxyAlone = true;
    let creates = 0;
    const host = remote((request, send) => {
      if (!isProxyAlone || !isCreate(request)) return undefined;
      const page = () => Promise.resolve(new Response("404 page not found", { status: 404 }));
      return ++creates === 1 ? send().then(loseConnection) : page();
    });
    const agent = await planned(host, "doubt", { gateway: "gw1" });
    const error = await host.create(agent).catch((one: unknown) => one);
    expect(error).toEqual(refusal("gateway_failed"));
    expect(error).not.toBeInstanceOf(GatewayUntouched);
    isProxyAlone = false;
    expect((await host.remove(agent, everything)).deleted).toContain("entry");
    expect(await gw1.agentIds()).toEqual([]);
  });

  test("is none where the gateway's address redirects, as one before which somebody has to log in", async () => {
    let creates = 0;
    const login = () => new Response(null, { status: 302, headers: { location: "https://login.test/" } });
    const host = remote((request) => {
      if (!isCreate(request)) return undefined;
      creates++;
      return Promise.resolve(login());
    });
    const agent = await planned(host, "redirected", { gateway: "gw1" });
    await expect(host.create(agent)).rejects.toBeInstanceOf(GatewayUntouched);
    expect(await host.remove(agent, everything)).toEqual({ deleted: [], preserved: [] });
    expect(creates).toBe(1);
  });

  test("undone after a restart: what is there is removed, but not what others made since", async () => {
    const agent = await created(remote(), "crashed", { gateway: "gw1" });
    const next = remote();
    expect((await next.remove(agent, everything)).deleted).toContain("entry");
    expect(await gw1.agentIds()).toEqual([]);

    await mkdir(join(gw1.stateDir, "agents/crashed/agent"), { recursive: true });
    expect(await next.remove(agent, everything)).toEqual({ deleted: [], preserved: [] });
    expect(await gw1.agentIds()).toEqual(["crashed"]);
  });
});

test("a removal whose answer is lost is a removal", async () => {
  let deletes = 0;
  const host = remote((request, send) =>
    request.method === "DELETE" && ++deletes === 1 ? send().then(loseConnection) : undefined,
  );
  const agent = await created(host, "gone", { gateway: "gw1" });
  expect((await host.remove(agent, everything)).deleted).toContain("entry");
  expect(await gw1.agentIds()).toEqual([]);
});

test.each([
  [409, "agent_exists", false],
  [409, "binding_taken", false],
  [422, "workspace_taken", false],
  [409, "gateway_full", true],
  [409, "gateway_cordoned", true],
])("a creation that is refused with %i %s may be made on another gateway: %s", async (status, code, elsewhere) => {
  const no = () => Response.json({ status, code, title: "No", detail: "No." }, { status });
  const host = remote((request) => (isCreate(request) ? Promise.resolve(no()) : undefined), { gateways: [gw1] });
  const failure = await host.create(await planned(host, "a")).catch((error: unknown) => error);
  expect(failure instanceof GatewayUntouched).toBe(elsewhere);
});

test("a gateway that refuses to be counted is found silent also by who asks just after that", async () => {
  let refuses = false;
  const unauthorized = () =>
    Response.json(
      { status: 401, code: "unauthorized", title: "Unauthorized", detail: "No." },
      { status: 401, headers: { "content-type": "application/problem+json" } },
    );
  const host = remote(() => (refuses ? Promise.resolve(unauthorized()) : undefined), { gateways: [gw1] });
  await host.check();
  refuses = true;
  now += 11_000;
  for (let asked = 0; asked < 2; asked++) await expect(host.check()).rejects.toEqual(refusal("host_unavailable"));
  refuses = false;
  now += 11_000;
  await host.check();
});

test("a gateway that was silent as it was counted is counted as soon as it answers anything", async () => {
  let isDown = false;
  const host = remote((request) => (isDown ? down(gw1)(request, loseConnection) : undefined), { gateways: [gw1] });
  await host.check();
  isDown = true;
  now += 11_000;
  await expect(host.check()).rejects.toEqual(refusal("host_unavailable"));
  isDown = false;
  now += 6_000;
  await host.find("a");
  await host.check();
});

describe("what a gateway says", () => {
  const saying = (status: number, code: string, headers: Record<string, string> = {}) =>
    remote((request) =>
      request.method === "POST"
        ? Promise.resolve(Response.json({ code, status, detail: "its own words" }, { status, headers }))
        : undefined,
    );

  test.each([
    [409, "binding_taken", "binding_taken"],
    [409, "agent_exists", "agent_exists"],
    [409, "workspace_taken", "workspace_taken"],
    [403, "ai_provider_not_linked", "ai_provider_not_linked"],
    [422, "workspace_not_allowed", "workspace_not_allowed"],
    [401, "unauthorized", "gateway_failed"],
    [401, "provisioning_key_invalid", "gateway_failed"],
    [403, "scope_missing", "gateway_failed"],
    [403, "agent_limit_reached", "gateway_failed"],
    [404, "provisioning_disabled", "gateway_failed"],
    [400, "invalid_body", "gateway_failed"],
    [500, "internal_error", "gateway_failed"],
    [418, "something_new", "gateway_failed"],
  ] as const)("%i %s is told as %s", async (status, code, told) => {
    const host = saying(status, code);
    const error = await host.create(await planned(host, "a")).catch((one: Error) => one);
    expect(error).toEqual(refusal(told));
    expect((error as Error).message).toContain("gw1");
    if (told === code) expect((error as Error).message).toContain("its own words");
  });

  test("its rate limit is told with the time to wait", async () => {
    const host = saying(429, "rate_limited", { "retry-after": "30" });
    await expect(host.create(await planned(host, "a"))).rejects.toMatchObject({
      code: "gateway_failed",
      headers: { "retry-after": "30" },
    });
  });

  test("a step that fails is told as its own failure", async () => {
    const host = remote();
    await created(host, "owner", { gateway: "gw1", bindings: ["slack"] });
    const agent = await created(host, "other", { gateway: "gw1" });
    await expect(host.bind(agent, ["slack"])).rejects.toEqual(refusal("binding_taken"));
  });

  test("that it does not delete is told", async () => {
    const strict = await openGatewayApp("gw1", root, false);
    try {
      const host = createRemoteHost({
        gateways: [strict.settings],
        fetch: switchboard([strict]),
        timeoutMs: 2_000,
        clock: { now: Date.now },
        log: () => undefined,
      });
      const agent = await created(host, "a");
      await expect(host.remove(agent, everything)).rejects.toEqual(refusal("delete_not_allowed"));
    } finally {
      await strict.close();
    }
  });

  test("another page than ours, or a redirect, is no answer, and nothing is sent to where it leads", async () => {
    const origins = new Set<string>();
    for (const response of [
      () => new Response("<html>", { headers: { "content-type": "text/html" } }),
      () => new Response(null, { status: 302, headers: { location: "http://elsewhere.test/" } }),
    ]) {
      const host = remote((request) => {
        origins.add(new URL(request.url).origin);
        return isCreate(request) ? Promise.resolve(response()) : undefined;
      });
      await expect(host.create(await planned(host, "a"))).rejects.toEqual(refusal("gateway_failed"));
    }
    expect([...origins].sort()).toEqual([gw1.settings.url, gw2.settings.url]);
  });
});

describe("a gateway in whose place another service answers, in JSON of its own", () => {
  const deletions: string[] = [];
  const replaced = (...gateways: GatewayApp[]) =>
    remote((request) => {
      if (!gateways.some((one) => isTo(request, one))) return undefined;
      if (request.method === "DELETE") deletions.push(new URL(request.url).pathname);
      return Promise.resolve(Response.json({ status: "ok" }));
    });

  test("does not answer: it has no agent, and does not lack one", async () => {
    const host = replaced(gw1);
    expect(await host.find("a")).toEqual({ agents: [], unreachable: ["gw1"] });
    expect(await host.list({ limit: 10 })).toMatchObject({ agents: [], unreachable: ["gw1"] });
    const known = { agentId: "a", name: "a", bindings: [], gateway: "gw1" };
    expect(await host.inspect(known)).toMatchObject({ reachable: false });
  });

  test("gets no creation, though no other gateway answers", async () => {
    const host = replaced(gw1, gw2);
    await expect(placed(host, {})).rejects.toEqual(refusal("host_unavailable"));
  });

  test("leaves a creation in doubt, and is asked to delete nothing", async () => {
    const host = replaced(gw1);
    const agent = await planned(host, "doubt", { gateway: "gw1" });
    await expect(host.create(agent)).rejects.toEqual(refusal("gateway_failed"));
    await expect(host.remove(agent, everything)).rejects.toEqual(refusal("gateway_failed"));
    expect(deletions).toEqual([]);
  });
});

test.each([
  ["a code that this release does not know", 409, "agent_pinned"],
  ["a key that may not adopt", 403, "scope_missing"],
])("an adoption that its gateway never began, for %s, leaves nothing to undo", async (_, status, code) => {
  let asked = 0;
  const host = remote((request) => {
    if (!request.url.endsWith("/adopt")) return undefined;
    asked++;
    return Promise.resolve(Response.json({ code, status, detail: "its own words" }, { status }));
  });
  await mkdir(join(gw1.stateDir, "agents/by-hand/agent"), { recursive: true });
  const agent = { agentId: "by-hand", name: "by-hand", bindings: [], gateway: "gw1" };
  const adoption = { agent, operationId: "op-adopt", hold: {} };
  await expect(host.adopt(adoption)).rejects.toEqual(refusal("gateway_failed"));
  await host.release({
    agentId: "by-hand",
    gateway: "gw1",
    operationId: "op-adopt",
    asked: { name: "", bindings: [], skipBootstrap: false },
  });
  expect(asked).toBe(1);
});

test("an answer that is another creation's costs that one nothing", async () => {
  await created(remote(), "other", { gateway: "gw1" });
  const host = remote((request, send) =>
    isCreate(request)
      ? send().then(async (answer) => Response.json({ ...(await answer.json()), agentId: "other" }, { status: 201 }))
      : undefined,
  );
  const agent = await planned(host, "mine", { gateway: "gw1" });
  await expect(host.create(agent)).rejects.toEqual(refusal("gateway_failed"));
  expect(await gw1.agentIds()).toContain("other");
  await host.remove(agent, everything);
  expect(await gw1.agentIds()).toEqual(["other"]);
});

test("credentials go to their own gateway, and into no log and no error", async () => {
  const sent: { origin: string; authorization: string | null; key: string | null }[] = [];
  let broken = false;
  const host = remote((request) => {
    const { headers, url } = request;
    sent.push({
      origin: new URL(url).origin,
      authorization: headers.get("authorization"),
      key: headers.get("x-agent-provisioning-key"),
    });
    return broken ? Promise.resolve().then(loseConnection) : undefined;
  });
  const apiKey = "sk-test-not-a-real-key";
  const agent = await created(host, "a", {
    gateway: "gw1",
    credential: { provider: "anthropic", apiKey, metered: true },
  });
  await created(host, "b", { gateway: "gw2" });
  expect(new Set(sent.map(({ origin }) => origin)).size).toBe(2);
  for (const { origin, authorization, key } of sent) {
    const { settings } = [gw1, gw2].find((one) => one.settings.url === origin)!;
    expect(authorization).toBe(`Bearer ${settings.token}`);
    expect(key).toBe(settings.key);
  }
  broken = true;
  const errors = await Promise.all([
    host.setCredential(agent, { provider: "anthropic", apiKey, metered: true }).catch((error: unknown) => error),
    host.remove(agent, everything).catch((error: unknown) => error),
    host.inspect(agent),
  ]);
  const told = inspect([errors, logged], { depth: 20 });
  for (const secret of [gw1, gw2].flatMap(({ settings }) => [settings.token, settings.key]).concat(apiKey)) {
    expect(told).not.toContain(secret);
  }
}, 30_000);

test.each([
  ["none", []],
  ["one twice", ["gw1", "gw1"]],
])("settings with gateways: %s", (_, ids) => {
  const gateways = ids.map((id) => ({ id, url: "http://gw.test", token: "t", key: "k" }));
  const make = () =>
    createRemoteHost({ gateways, fetch, timeoutMs: 1, clock: { now: Date.now }, log: () => undefined });
  expect(make).toThrow(refusal("host_unavailable"));
});

test("a secret that cannot be sent is refused at the start, unquoted", () => {
  const gateways = [{ id: "gw1", url: "http://gw.test", token: "bad\ntoken", key: "k" }];
  const make = () =>
    createRemoteHost({ gateways, fetch, timeoutMs: 1, clock: { now: Date.now }, log: () => undefined });
  expect(make).toThrow(/"gw1": the token must be printable/);
});

test("what comes late touches no agent that was made anew since under the same id", async () => {
  const host = remote();
  const first = await created(host, "one", { gateway: "gw1" });
  await host.remove(first, everything);
  const second = await created(host, "one", {
    gateway: "gw1",
    model: "second",
    credential: { provider: "anthropic", apiKey: "sk-second-not-a-real-key", metered: false },
  });
  const late = { ...first, operationId: first.operationId };
  const credential = { provider: "anthropic", apiKey: "sk-first-not-a-real-key", metered: false };
  await expect(host.setCredential(late, credential)).rejects.toEqual(refusal("agent_not_found"));
  await expect(host.update(late, { model: "first" })).rejects.toEqual(refusal("agent_not_found"));
  await expect(host.bind(late, ["telegram:first"])).rejects.toEqual(refusal("agent_not_found"));
  await host.remove(late, everything);
  expect(await gw1.agentIds()).toEqual(["one"]);
  expect((await host.find("one")).agents).toMatchObject([{ model: "second", bindings: [] }]);
  expect(await gw1.storedKey("one", "anthropic")).toBe("sk-second-not-a-real-key");
  await host.update(second, { model: "third" });
  expect(await host.remove(second, everything)).toMatchObject({ deleted: expect.arrayContaining(["entry"]) });
  expect(await gw1.agentIds()).toEqual([]);
});
