import { rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { adminClient, keyedClient, makeStateDir, startServerProcess } from "../server-process.ts";

describe("many at once", () => {
  it("makes one agent of 64 requests for one name, and exactly 100 of 200 where 100 may be", async () => {
    const stateDir = await makeStateDir({ maxAgentsPerKey: 100 });
    // Two processes on one state directory: what is exact must be so between them too.
    const servers = [await startServerProcess(stateDir), await startServerProcess(stateDir)];
    const { key } = await keyedClient(servers[0]!.origin);
    const { createClient } = await import("../../src/client/client.ts");
    const { token } = await import("../server-process.ts");
    const clients = servers.map(({ origin }) => createClient({ url: origin, token, provisioningKey: key, retries: 0 }));
    const settle = async (names: string[]) =>
      (await Promise.allSettled(names.map((name, at) => clients[at % 2]!.agents.create({ name })))).map((result) =>
        result.status === "fulfilled" ? 201 : (result.reason as { status: number }).status,
      );
    const count = (statuses: number[], status: number) => statuses.filter((one) => one === status).length;

    const one = await settle(Array(64).fill("the-one"));
    expect([count(one, 201), count(one, 409)]).toEqual([1, 63]);
    const many = await settle(Array.from({ length: 200 }, (_, at) => `many-${at}`));
    expect([count(many, 201), count(many, 403)]).toEqual([99, 101]);
    expect(await adminClient(servers[1]!.origin).audit.verify()).toMatchObject({ ok: true });
    for (const server of servers) expect(await server.stop()).toBe(0);
    rmSync(stateDir, { recursive: true, force: true });
  }, 60_000);
});
