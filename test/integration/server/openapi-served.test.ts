import { rmSync } from "node:fs";
import { expect, it } from "vitest";
import { makeStateDir, startServerProcess, token } from "../../server-process.ts";

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
    paths: Record<string, Record<string, { security?: Record<string, unknown>[] }>>;
    servers?: { url: string }[];
  };
  expect(document.openapi).toMatch(/^3\.1\./);
  const base = document.servers?.[0]?.url ?? "";
  let calls = 0;
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of ["get", "post", "patch", "delete"].filter((one) => one in methods)) {
      // A path with a server of its own is not below the base.
      const at = "servers" in methods ? path : base + path;
      const { status } = await ask(at.replace(/\{\w+\}/g, "no-such"), { method: method.toUpperCase() });
      // Most changes need a key as well; what asks for a thing that is not there is a 404 of its own.
      const keyed = methods[method]?.security?.some((one) => "provisioningKey" in one) ?? false;
      const expected = keyed ? (method === "get" ? [401, 404] : [401]) : [200, 201, 404];
      expect([method, path, expected.includes(status) ? "as documented" : status]).toEqual([
        method,
        path,
        "as documented",
      ]);
      calls++;
    }
  }
  expect(calls).toBeGreaterThan(15);
  expect(await server.stop()).toBe(0);
  rmSync(stateDir, { recursive: true, force: true });
});
