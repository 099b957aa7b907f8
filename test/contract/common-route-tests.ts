import { describe, expect, it } from "vitest";
import { routes } from "../../src/routes.ts";
import { allScopes, ask, makeKey, type Target } from "./target.ts";

const filled = (path: string): string => path.replaceAll(/:[a-z]+/g, "no-such-agent");
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** The contract of every route, whatever it does. */
export function commonRouteTests(target: () => Target): void {
  describe.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))("%s", (_, route) => {
    const path = filled(route.path);

    it("is 401 without a token, and says how", async () => {
      const { status, body, headers } = await ask(target(), route.method, path, { token: null });
      expect([status, body.code]).toEqual([401, "unauthorized"]);
      expect(headers.get("www-authenticate")).toMatch(/^Bearer realm="/);
      expect(headers.get("content-type")).toContain("application/problem+json");
      expect(body.requestId).toBe(headers.get("x-request-id"));
      expect(body.error).toBe(body.detail);
    });

    it("is 401 with a wrong token", async () => {
      const { status, headers } = await ask(target(), route.method, path, { token: "wrong" });
      expect(status).toBe(401);
      expect(headers.get("www-authenticate")).toContain('error="invalid_token"');
    });

    it("is 405 for a method it does not know, and names those it does", async () => {
      const here = routes
        .filter((other) => filled(other.path) === path || matches(other.path, path))
        .map((other) => other.method);
      const wrong = methods.find((method) => !here.includes(method as never))!;
      const { status, headers, body } = await ask(target(), wrong, path);
      expect([status, body.code]).toEqual([405, "method_not_allowed"]);
      expect(headers.get("allow")?.split(", ")).toEqual(expect.arrayContaining([route.method]));
    });

    if (route.scope !== "token") {
      const { scope } = route;

      it("is 401 without a provisioning key", async () => {
        const { status, body, headers } = await ask(target(), route.method, path);
        expect([status, body.code]).toEqual([401, "provisioning_key_missing"]);
        expect(headers.get("www-authenticate")).toMatch(/^ProvisioningKey /);
      });

      it("is 401 with a key that is none", async () => {
        const { status, body } = await ask(target(), route.method, path, { key: "ocp_nothing" });
        expect([status, body.code]).toEqual([401, "provisioning_key_invalid"]);
      });

      it(`is 403 without ${scope}`, async () => {
        const enough: readonly string[] = [scope, ...(route.otherScopes ?? [])];
        const other = allScopes.find((one) => !enough.includes(one))!;
        const { key } = await makeKey(target(), { scopes: [other] });
        const { status, body } = await ask(target(), route.method, path, { key, body: route.body ? {} : undefined });
        expect([status, body.code]).toEqual([403, "scope_missing"]);
        expect(body.detail).toContain(scope);
      });
    }

    if (route.body) {
      const authorized = async () =>
        route.scope === "provisioning:admin"
          ? target().adminToken
          : (await makeKey(target(), { scopes: [route.scope, ...(route.alsoScope ? [route.alsoScope] : [])] })).key;

      it("is 400 for what is not JSON", async () => {
        const { status, body } = await ask(target(), route.method, path, {
          key: await authorized(),
          body: '{"name": ',
        });
        expect([status, body.code]).toEqual([400, "invalid_json"]);
      });

      it("is 400 for an unknown field, and names it", async () => {
        const { status, body } = await ask(target(), route.method, path, {
          key: await authorized(),
          body: { noSuchField: 1 },
        });
        expect([status, body.code]).toEqual([400, "invalid_body"]);
        expect(body.errors.map((error: { path: string }) => error.path)).toContain("noSuchField");
      });

      it("is 400 for a field that would reach a prototype", async () => {
        const { status } = await ask(target(), route.method, path, {
          key: await authorized(),
          body: '{"a":{"__proto__":{"x":1}}}',
        });
        expect(status).toBe(400);
      });

      it("is 400 for invalid UTF-8", async () => {
        const { status, body } = await ask(target(), route.method, path, {
          key: await authorized(),
          body: new Uint8Array([0x7b, 0xff, 0x7d]),
        });
        expect([status, body.code]).toEqual([400, "invalid_json"]);
      });

      it("is 413 over 1 MiB", async () => {
        const big = JSON.stringify({ name: "x".repeat(1_048_576) });
        const { status, body } = await ask(target(), route.method, path, { key: await authorized(), body: big });
        expect([status, body.code]).toEqual([413, "body_too_large"]);
      });
    }
  });
}

const matches = (pattern: string, path: string): boolean =>
  new RegExp(`^${pattern.replaceAll(/:[a-z]+/g, "[^/]+")}$`).test(path);
