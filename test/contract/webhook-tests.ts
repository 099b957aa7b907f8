import { describe, expect, it } from "vitest";
import { ask, makeLinkedKey, type Target } from "./target.ts";

/** Where alerts are sent: what of it can be seen without a receiver. */
export function webhookTests(target: () => Target): void {
  const path = "/provisioning/webhooks";
  const call = (method: string, at: string, body?: unknown) =>
    ask(target(), method, path + at, { key: target().adminToken, body });
  const listed = `https://1.1.1.1/${crypto.randomUUID()}`;

  it("keeps a webhook, shows its secret once, and lets it go", async () => {
    // An address, since no name can be resolved here; on a Worker it is refused, and a name needs no resolver.
    const made = await call("POST", "", { url: listed, events: ["quota.*"] });
    const kept =
      made.status === 201 ? made : await call("POST", "", { url: "https://hooks.example.org/a", events: ["quota.*"] });
    expect(kept.status).toBe(201);
    const { id, secret, ...view } = kept.body;
    expect(secret).toMatch(/^whsec_/);
    expect(view).toMatchObject({ format: "standard", source: "api", status: "active", events: ["quota.*"] });
    expect((await call("GET", "")).body.webhooks).toContainEqual({ id, ...view });
    const changed = await call("PATCH", `/${id}`, { events: ["agent.created"], disabled: true });
    expect(changed).toMatchObject({ status: 200, body: { id, events: ["agent.created"], status: "disabled" } });
    const rotated = await call("POST", `/${id}/rotate-secret`, { graceSeconds: 60 });
    expect(rotated).toMatchObject({ status: 200, body: { id, previousSecretUntil: expect.any(String) } });
    expect(rotated.body.secret).not.toBe(secret);
    expect((await call("GET", `/${id}/deliveries`)).body).toEqual({ deliveries: [] });
    expect(await call("POST", `/${id}/deliveries/msg_NONE/resend`)).toMatchObject({ status: 404 });
    expect((await call("DELETE", `/${id}`)).body).toEqual({ id, deleted: true });
    for (const [method, at, body] of [
      ["PATCH", `/${id}`, { disabled: true }],
      ["DELETE", `/${id}`, undefined],
      ["POST", `/${id}/test`, undefined],
      ["GET", `/${id}/deliveries`, undefined],
    ] as const) {
      const gone = await call(method, at, body);
      expect([method, at, gone.status, gone.body.code]).toEqual([method, at, 404, "webhook_not_found"]);
    }
  });

  describe("refuses", () => {
    it.each([
      "https://127.0.0.1/",
      "https://2130706433/",
      "https://[::ffff:10.0.0.1]/",
      "https://169.254.169.254/latest/meta-data",
      "https://localhost/",
      "http://hooks.example.org/",
      "https://hooks.example.org:22/",
    ])("%s, and names the setting that allows it", async (url) => {
      const { status, body } = await call("POST", "", { url });
      expect([status, body.code]).toEqual([422, "webhook_not_allowed"]);
      expect(body.detail).toContain("gateway.provisioning.webhooks.allow");
    });

    it.each([
      [{ url: "https://user:secret@hooks.example.org/" }, "url"],
      [{ url: "ftp://hooks.example.org/" }, "url"],
      [{ url: "https://hooks.example.org/#fragment" }, "url"],
      [{ url: "https:\\\\10.0.0.1/" }, "url"],
      [{ url: "https://hooks.example.org/", events: ["quota.none"] }, "events.0"],
      [{ url: "https://hooks.example.org/", events: [] }, "events"],
      [{ url: "https://hooks.example.org/", format: "carrier-pigeon" }, "format"],
      [{ url: "https://hooks.example.org/", format: "openclaw" }, "secret"],
      [{ url: "https://hooks.example.org/", secret: "short" }, "secret"],
    ])("%j, with the path", async (body, where) => {
      const refused = await call("POST", "", body);
      expect([refused.status, refused.body.code]).toEqual([400, "invalid_body"]);
      expect(refused.body.errors.map((error: { path: string }) => error.path)).toContain(where);
    });
  });
}

/** How the deployment and its AI providers do. */
export function healthTests(target: () => Target): void {
  const get = (path: string) => ask(target(), "GET", path, { key: target().adminToken });

  it("examines the deployment where it runs", async () => {
    const { status, body } = await get("/provisioning/doctor");
    expect(status).toBe(200);
    const checks = body.checks as { name: string; status: string; detail: string }[];
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["agents", "agent host", "audit trail", "AI providers", "secrets", "webhooks", "prices"]),
    );
    expect(checks.find(({ name }) => name === "audit trail")).toMatchObject({ status: "ok" });
    expect(body.ok).toBe(checks.every((check) => check.status !== "failed"));
  });

  it("tells how an AI provider does, and whose agents that concerns", async () => {
    const { provider } = await makeLinkedKey(target());
    const path = `/provisioning/ai-providers/${provider.id}`;
    expect((await get(`${path}/health`)).body).toEqual({ status: "ok", failures1h: 0, agents: 0 });
    await ask(target(), "POST", `${path}/revoke`, { key: target().adminToken });
    expect((await get(`${path}/health`)).body).toMatchObject({ status: "revoked" });
    expect(await get("/provisioning/ai-providers/none/health")).toMatchObject({
      status: 404,
      body: { code: "ai_provider_not_found" },
    });
  });
}
