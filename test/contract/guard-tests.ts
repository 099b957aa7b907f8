import { expect, it } from "vitest";
import { ask, makeKey, type Target } from "./target.ts";

export function guardTests(target: () => Target): void {
  it("answers 401 to every path without a token, so that nothing can be enumerated", async () => {
    for (const path of ["/api", "/api/v1", "/api/v1/nothing", "/metrics", "/API/V1/agents", "/api/v1/openapi.json"]) {
      if (target().sharesOrigin && !/^\/(api\/v1\/openapi|metrics)/.test(path)) continue;
      const { status } = await ask(target(), "GET", target().origin + path, { token: null });
      expect([path, status]).toEqual([path, 401]);
    }
  });

  it("shows anybody the console's page, which holds nothing and may do nothing", async () => {
    const { origin, sharesOrigin } = target();
    const read = (path: string, headers?: Record<string, string>) =>
      target().fetch(origin + path, { redirect: "manual", ...(headers && { headers }) });
    const root = await read("/");
    if (!sharesOrigin) expect([root.status, root.headers.get("location")]).toEqual([307, "./console/"]);
    await root.body?.cancel();
    const page = await read("/console/");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    const html = await page.text();
    const files = [...html.matchAll(/(?:src|href)="(app\.\w+\.(?:js|css))"/g)].map(([, file]) => file!);
    expect(files).toHaveLength(2);
    for (const file of files) {
      const asset = await read(`/console/${file}`);
      expect([file, asset.status]).toEqual([file, 200]);
      expect(asset.headers.get("cache-control")).toContain("immutable");
      await asset.body?.cancel();
    }
    const unchanged = await read("/console/", { "if-none-match": page.headers.get("etag")! });
    expect(unchanged.status).toBe(304);
    expect((await ask(target(), "POST", `${origin}/console/`, { token: null })).status).toBe(401);
  });

  it.each([
    "//api/v1/agents",
    "/api/v1//agents",
    "/api/v1/agents;x=1",
    "/healthz/../api/v1/agents",
    "/healthz/%2e%2e/api/v1/agents",
    "/api%2fv1/agents",
    "/healthz%00",
  ])("asks for a token at %s", async (path) => {
    const { status } = await ask(target(), "GET", target().origin + path, { token: null });
    expect(target().sharesOrigin ? [401, 404] : [401]).toContain(status);
  });

  it("is 404 for what is not there", async () => {
    const { status, body } = await ask(target(), "GET", "/nothing");
    expect(status).toBe(404);
    if (!target().sharesOrigin) expect(body.code).toBe("not_found");
  });

  it("takes the Bearer scheme in any case", async () => {
    const { status } = await ask(target(), "GET", "/agents", {
      token: null,
      headers: { authorization: `bEARER ${target().token}` },
    });
    expect(status).toBe(200);
  });

  it("answers HEAD as GET without a body", async () => {
    const { status, body } = await ask(target(), "HEAD", "/agents");
    expect([status, body]).toEqual([200, undefined]);
  });

  it("refuses a credential that came twice", async () => {
    const headers = new Headers({ authorization: `Bearer ${target().token}` });
    headers.append("authorization", `Bearer ${target().token}`);
    const response = await target().fetch(`${target().api}/agents`, { headers });
    expect(response.status).toBe(400);
  });

  it("makes its own request id, whatever the caller sends", async () => {
    const { headers } = await ask(target(), "GET", "/agents", { headers: { "x-request-id": "mine" } });
    expect(headers.get("x-request-id")).toMatch(/^req_[a-p]{24}$/);
  });

  it("lets ten calls of a minute through, and tells the eleventh when", async () => {
    const { key } = await makeKey(target(), { rateLimitPerMinute: undefined });
    for (let call = 1; call <= 10; call++) {
      const { status, headers } = await ask(target(), "POST", "/agents/create", { key, body: {} });
      expect(status).toBe(400);
      expect(headers.get("ratelimit-policy")).toBe('"key";q=10;w=60');
      expect(headers.get("ratelimit")).toMatch(new RegExp(`^"key";r=${10 - call};t=\\d+$`));
    }
    const { status, headers, body } = await ask(target(), "POST", "/agents/create", { key, body: {} });
    expect([status, body.code]).toEqual([429, "rate_limited"]);
    const seconds = Number(headers.get("retry-after"));
    expect(seconds).toBeGreaterThan(30);
    expect(seconds).toBeLessThanOrEqual(60);
  });

  it("does not limit reads that need the token alone", async () => {
    for (let call = 0; call < 15; call++) expect((await ask(target(), "GET", "/agents")).status).toBe(200);
  });

  it("shows metrics to whoever has the token", async () => {
    const { status, body } = await ask(target(), "GET", `${target().origin}/metrics`);
    expect(status).toBe(200);
    expect(body).toMatch(/^# HELP openclaw_/m);
  });
}
