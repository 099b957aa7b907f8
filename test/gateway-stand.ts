import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";
import { readNodeSettings } from "../adapters/node/node-settings.ts";
import { openNode } from "../adapters/node/open-node.ts";
import { type App, createApp } from "../src/app.ts";
import type { PlacementRule } from "../src/domain/placement.ts";
import type { GatewaySettings } from "../src/host/gateway.ts";
import { createRemoteHost } from "../src/host/remote-host.ts";
import { callAsOperator } from "./call-as-operator.ts";
import { type GatewayApp, openGatewayApp, switchboard } from "./conformance/gateway-app.ts";

// biome-ignore lint/suspicious/noExplicitAny: what a stranger's client gets is JSON of any shape
type Answered = { status: number; body: any };

export interface Plane {
  app: App;
  call(method: string, path: string, body?: object): Promise<Answered>;
}

interface PlaneOptions {
  rules?: PlacementRule[];
  /** Planes of one name share their files. */
  name?: string;
  /** Gateways that cannot be connected to. */
  down?: Set<string>;
  /** Gateways whose answers are lost. */
  lost?: Set<string>;
  /** Gateways whose lists are on their way for so long. */
  holds?: Map<string, Promise<void>>;
}

const clock = { now: () => Date.now() };

/** Three gateways and, over them, control planes; new ones for each test. */
export function gatewayStand() {
  let root = "";
  let gateways: GatewayApp[] = [];
  let closes: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), "gateways-")));
    gateways = await Promise.all(["gw1", "gw2", "gw3"].map((id) => openGatewayApp(id, root)));
    closes = [];
  });
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all(closes.map((close) => close()));
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await rm(root, { recursive: true, force: true });
  });

  return {
    get gateways() {
      return gateways;
    },

    /** A control plane; what each gateway may have, and its labels, are the test's. */
    async plane(
      settings: Record<string, Partial<GatewaySettings>>,
      { rules = [], name = "plane", down = new Set(), holds = new Map(), lost = new Set() }: PlaneOptions = {},
    ): Promise<Plane> {
      const env = { OPENCLAW_STATE_DIR: join(root, name), OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
      const through = switchboard(gateways);
      const host = createRemoteHost({
        gateways: gateways
          .filter((one) => settings[one.settings.id])
          .map((one) => ({ ...one.settings, ...settings[one.settings.id] })),
        fetch: async (input, init) => {
          const request = new Request(input, init);
          const { hostname, pathname } = new URL(request.url);
          const id = hostname.split(".")[0]!;
          if (down.has(id)) {
            const cause = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
            throw new TypeError("fetch failed", { cause });
          }
          const held = holds.get(id);
          const answer = await through(request);
          if (lost.has(id)) throw new TypeError("fetch failed");
          if (pathname.endsWith("/agents")) await held;
          return answer;
        },
        timeoutMs: 5_000,
        clock,
        log: () => undefined,
      });
      const read = readNodeSettings(env);
      read.settings.provisioning.host.placement = rules;
      const node = await openNode(read, { env, log: () => undefined, host });
      closes.push(() => node.close());
      const app = createApp({ ...node.ports, clock }, read.settings);
      return { app, call: (method, path, body) => callAsOperator(app, method, path, body) };
    },

    /** A deployment that has its agents itself. */
    async ownHost(host: { maxAgents: number }): Promise<Plane & { key: string }> {
      const provisioning = { enabled: true, allowDelete: true, host };
      const env = {
        OPENCLAW_STATE_DIR: join(root, "own"),
        OPENCLAW_GATEWAY_TOKEN: "test-gateway-token",
        OPENCLAW_CONFIG: JSON.stringify({ gateway: { provisioning } }),
      };
      const read = readNodeSettings(env);
      const node = await openNode(read, { env, log: () => undefined });
      closes.push(() => node.close());
      const app = createApp({ ...node.ports, clock }, read.settings);
      const call: Plane["call"] = (method, path, body) => callAsOperator(app, method, path, body);
      const scopes = ["agents:create", "agents:onboard", "agents:delete", "agents:update"];
      const made = await call("POST", "/provisioning/agent-keys", { name: "plane", scopes, rateLimitPerMinute: 1000 });
      return { app, call, key: made.body.key as string };
    },
  };
}

export const gatewaysOf = async ({ call }: Plane) =>
  Object.fromEntries((await call("GET", "/gateways")).body.gateways.map((one: { id: string }) => [one.id, one]));
export const create = ({ call }: Plane, name: string, more: object = {}) =>
  call("POST", "/agents/create", { name, ...more });
