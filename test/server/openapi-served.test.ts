import { rmSync } from "node:fs";
import { expect, it } from "vitest";
import { makeStateDir, startServerProcess, token } from "../server-process.ts";

it("the document is served at the configured base path, and every call in it is there", async () => {
  const stateDir = await makeStateDir({ basePath: "/agents-api/v2" });
  const server = await startServerProcess(stateDir);
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(server.origin + path, { ...init, headers: { authorization: `Bearer ${token}` } });
  expect((await fetch(`${server.origin}/agents-api/v2/openapi.json`)).status).toBe(401);
  expect((await ask("/api/v1/openapi.json")).status).toBe(404);
  const response = await ask("/agents-api/v2/openapi.json");
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  const document = (await response.json()) as {
    openapi: string;
    paths: Record<string, Record<string, unknown>>;
    servers?: { url: string }[];
  };
  expect(document.openapi).toMatch(/^3\.1\./);
  const base = document.servers?.[0]?.url ?? "";
  let calls = 0;
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of ["get", "post", "patch", "delete"].filter((one) => one in methods)) {
      const at =
        path.startsWith("/agents-api") || (!path.startsWith("/agents") && !path.startsWith("/provisioning"))
          ? path
          : base + path;
      const { status } = await ask(at.replace(/\{\w+\}/g, "no-such"), { method: method.toUpperCase() });
      // Changes need a key as well; a read of what is not there is a 404 of its own.
      expect([method, path, status]).toEqual([
        method,
        path,
        method === "get" ? expect.toSatisfy((one: number) => [200, 401, 404].includes(one)) : 401,
      ]);
      calls++;
    }
  }
  expect(calls).toBeGreaterThan(15);
  expect(await server.stop()).toBe(0);
  rmSync(stateDir, { recursive: true, force: true });
});
