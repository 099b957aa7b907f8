import { expect, it } from "vitest";
import { newName } from "./agent-tests.ts";
import { ask, makeKey, type Target } from "./target.ts";

export function keyTests(target: () => Target): void {
  const works = async (key: string) =>
    (await ask(target(), "POST", "/agents/create", { key, body: {} })).status === 400;

  it("issues a key under the id that lists show, with a checksum", async () => {
    const { id, key } = await makeKey(target());
    expect(key).toMatch(new RegExp(`^ocp_${id}_[A-Za-z0-9]{36}$`));
    const { body } = await ask(target(), "GET", "/provisioning/agent-keys", { key: target().adminToken });
    expect(body.keys.find((one: { id: string }) => one.id === id)).toMatchObject({ status: "active", agents: 0 });
    expect(JSON.stringify(body)).not.toContain(key);
  });

  it("refuses a key with one character changed", async () => {
    const { key } = await makeKey(target());
    const tampered = key.slice(0, 30) + (key[30] === "a" ? "b" : "a") + key.slice(31);
    expect((await ask(target(), "POST", "/agents/create", { key: tampered, body: {} })).status).toBe(401);
  });

  it("revokes at once, and again without harm", async () => {
    const { id, key } = await makeKey(target());
    expect(await works(key)).toBe(true);
    const revoke = () => ask(target(), "POST", `/provisioning/agent-keys/${id}/revoke`, { key: target().adminToken });
    expect((await revoke()).body.status).toBe("revoked");
    expect((await ask(target(), "POST", "/agents/create", { key, body: {} })).status).toBe(401);
    expect((await revoke()).status).toBe(200);
  });

  it("rotates under the same id; the old one has its grace, also through a second rotation", async () => {
    const { id, key } = await makeKey(target());
    const rotate = (body?: unknown) =>
      ask(target(), "POST", `/provisioning/agent-keys/${id}/rotate`, { key: target().adminToken, body });
    const second = (await rotate()).body;
    expect(second.id).toBe(id);
    const third = (await rotate()).body;
    for (const one of [key, second.key, third.key]) expect(await works(one)).toBe(true);
    const last = (await rotate({ graceSeconds: 0 })).body;
    for (const one of [key, second.key, third.key]) {
      expect((await ask(target(), "POST", "/agents/create", { key: one, body: {} })).status).toBe(401);
    }
    expect(await works(last.key)).toBe(true);
  });

  it("stays revoked, and hands out no dead key, whatever else is done to it at the same time", async () => {
    const change = async (id: string, how: "rotate" | "revoke") =>
      await ask(target(), "POST", `/provisioning/agent-keys/${id}/${how}`, { key: target().adminToken });
    for (let round = 0; round < 5; round++) {
      const { id, key } = await makeKey(target());
      const rotated = await Promise.all([change(id, "rotate"), change(id, "rotate"), change(id, "rotate")]);
      expect(rotated.map(({ status }) => status)).toEqual([200, 200, 200]);
      for (const { body } of rotated) expect(await works(body.key)).toBe(true);

      const [late, revoked] = await Promise.all([change(id, "rotate"), change(id, "revoke")]);
      expect(revoked).toMatchObject({ status: 200, body: { status: "revoked" } });
      expect(late.status === 200 || late.body.code === "key_revoked").toBe(true);
      for (const one of [key, late.body.key ?? key]) expect(await works(one)).toBe(false);
    }
  });

  it("no longer works after its end", async () => {
    const { key } = await makeKey(target(), { expiresAt: new Date(Date.now() + 1_500).toISOString() });
    expect(await works(key)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 1_700));
    expect((await ask(target(), "POST", "/agents/create", { key, body: {} })).status).toBe(401);
  });

  it("takes an end in any offset, and says what it wants of another", async () => {
    const create = (expiresAt: string) =>
      ask(target(), "POST", "/provisioning/agent-keys", {
        key: target().adminToken,
        body: { name: "x", scopes: ["agents:create"], expiresAt },
      });
    expect((await create("2099-01-01T02:00:00+02:00")).body.expiresAt).toBe("2099-01-01T00:00:00.000Z");
    expect(await create("2099-01-01 02:00")).toMatchObject({
      status: 400,
      body: { errors: [{ path: "expiresAt", message: expect.stringContaining("2027-01-31T00:00:00Z") }] },
    });
    // Stored, it could not be read, and no list that it is in either.
    expect(await create("9999-12-31T23:59:59-00:01")).toMatchObject({
      status: 400,
      body: { errors: [{ path: "expiresAt", message: "must lie between the years 0 and 9999 in UTC" }] },
    });
    expect((await create("9999-12-31T23:59:59Z")).status).toBe(201);
    const listed = await ask(target(), "GET", "/provisioning/agent-keys", { key: target().adminToken });
    expect(listed.status).toBe(200);
  });

  it("refuses a slug beside a provider that is its own", async () => {
    const body = {
      provider: "my-llm",
      slug: "other",
      name: "x",
      key: "k",
      baseUrl: "http://127.0.0.1:9",
      verify: false,
    };
    expect(await ask(target(), "POST", "/provisioning/ai-providers", { key: target().adminToken, body })).toMatchObject(
      {
        status: 422,
        body: { code: "provider_settings", errors: [{ path: "slug" }] },
      },
    );
  });

  it("refuses a base URL that ends in an endpoint, and names the right one", async () => {
    const body = { provider: "my-llm", name: "x", key: "k", baseUrl: "http://127.0.0.1:9/v1/messages", verify: false };
    const refused = await ask(target(), "POST", "/provisioning/ai-providers", { key: target().adminToken, body });
    expect(refused).toMatchObject({ status: 422, body: { code: "provider_settings", errors: [{ path: "baseUrl" }] } });
    expect(refused.body.detail).toContain('give "http://127.0.0.1:9/v1"');
  });

  it("lists AI providers that work before those that are revoked, for the guide links the first", async () => {
    const admin = { key: target().adminToken };
    const add = async (name: string): Promise<string> => {
      const body = { provider: "openai", name, key: "sk-not-a-real-key", verify: false };
      return (await ask(target(), "POST", "/provisioning/ai-providers", { ...admin, body })).body.id;
    };
    const [older, newer] = [await add(newName("older")), await add(newName("newer"))];
    await ask(target(), "POST", `/provisioning/ai-providers/${older}/revoke`, admin);
    const { body } = await ask(target(), "GET", "/provisioning/ai-providers", admin);
    const ids = body.keys.map((one: { id: string }) => one.id);
    expect(ids.indexOf(newer)).toBeLessThan(ids.indexOf(older));
    expect(body.keys[0].status).toBe("active");
  });

  it("takes up the audit trail where its cursor says, and no other text", async () => {
    const read = (query: string) => ask(target(), "GET", `/provisioning/audit?${query}`, { key: target().adminToken });
    const { body } = await read("limit=1");
    const [next] = (await read(`limit=1&cursor=${body.nextCursor}`)).body.events;
    expect(next.seq).toBeLessThan(body.events[0].seq);
    for (const cursor of ["-1", "1e3", "abc", "1.5"]) {
      expect(await read(`cursor=${cursor}`)).toMatchObject({ status: 400, body: { code: "invalid_query" } });
    }
  });

  it("filters the audit trail by phase, outcome and day", async () => {
    const { id } = await makeKey(target());
    const read = (query: string) =>
      ask(target(), "GET", `/provisioning/audit?target=${id}&${query}`, { key: target().adminToken });
    const phases = async (query: string) => (await read(query)).body.events.map((one: { phase: string }) => one.phase);
    const day = (await read("limit=1")).body.events[0].time.slice(0, 10);
    expect(await phases("phase=intent")).toEqual(["intent"]);
    expect(await phases(`outcome=success&to=${day}`)).toEqual(["outcome"]);
    expect(await phases("outcome=failure")).toEqual([]);
    expect(await phases("from=2999-01-01")).toEqual([]);
    for (const wrong of ["phase=begun", "outcome=ok", "from=today", "from=2026-11-02&to=2026-11-01"]) {
      expect(await read(wrong), wrong).toMatchObject({ status: 400, body: { code: "invalid_query" } });
    }
  });

  it("refuses scopes that are none, and a link to nothing", async () => {
    const create = (body: unknown) =>
      ask(target(), "POST", "/provisioning/agent-keys", { key: target().adminToken, body });
    expect(await create({ name: "x", scopes: ["agents:fly"] })).toMatchObject({ status: 400 });
    expect(await create({ name: "x", scopes: ["agents:create"], aiProviderKeyId: "nothing" })).toMatchObject({
      status: 404,
      body: { code: "ai_provider_not_found" },
    });
  });

  it("counts uses and tells the last one", async () => {
    const { id, key } = await makeKey(target());
    await works(key);
    await works(key);
    const { body } = await ask(target(), "GET", "/provisioning/agent-keys", { key: target().adminToken });
    const shown = body.keys.find((one: { id: string }) => one.id === id);
    expect(shown.uses).toBe(2);
    expect(Date.now() - Date.parse(shown.lastUsedAt)).toBeLessThan(60_000);
  });

  it("shows a master key as a hint only, and revokes it", async () => {
    const secret = "sk-ant-not-a-real-key-abcd";
    const added = await ask(target(), "POST", "/provisioning/ai-providers", {
      key: target().adminToken,
      body: { provider: "anthropic", name: newName("hint"), key: secret, verify: false },
    });
    expect(added).toMatchObject({
      status: 201,
      body: { hint: "sk-ant-...abcd", status: "active", verification: "skipped" },
    });
    const listed = await ask(target(), "GET", "/provisioning/ai-providers", { key: target().adminToken });
    expect(JSON.stringify(listed.body)).not.toContain(secret);
    const path = `/provisioning/ai-providers/${added.body.id}/revoke`;
    expect((await ask(target(), "POST", path, { key: target().adminToken })).body.status).toBe("revoked");
  });

  it("replaces a master key under its id, and takes no second AI provider of one name", async () => {
    const admin = { key: target().adminToken };
    const name = newName("rotated");
    const body = { provider: "anthropic", name, key: "sk-ant-not-a-real-key-abcd", verify: false };
    const added = await ask(target(), "POST", "/provisioning/ai-providers", { ...admin, body });
    const again = await ask(target(), "POST", "/provisioning/ai-providers", { ...admin, body });
    expect(again).toMatchObject({ status: 409, body: { code: "provider_exists" } });
    expect(again.body.detail).toContain(`ai-providers rotate ${added.body.id}`);
    const rotate = (id: string, more: object = {}) =>
      ask(target(), "POST", `/provisioning/ai-providers/${id}/rotate`, {
        ...admin,
        body: { key: "sk-ant-not-a-real-key-efgh", verify: false, ...more },
      });
    const rotated = await rotate(added.body.id);
    expect(rotated).toMatchObject({
      status: 200,
      body: { id: added.body.id, hint: "sk-ant-...efgh", status: "active", rotatedAt: expect.any(String) },
    });
    expect(rotated.body).not.toHaveProperty("fallbackUntil");
    const graced = await rotate(added.body.id, { graceSeconds: 3_600 });
    expect(Date.parse(graced.body.fallbackUntil) - Date.parse(graced.body.rotatedAt)).toBe(3_600_000);
    // A rotation without grace leaves no fallback, whatever came first.
    expect((await rotate(added.body.id, { graceSeconds: 0 })).body).not.toHaveProperty("fallbackUntil");
    expect((await rotate(added.body.id, { graceSeconds: -1 })).status).toBe(400);
    await ask(target(), "POST", `/provisioning/ai-providers/${added.body.id}/revoke`, admin);
    expect(await rotate(added.body.id)).toMatchObject({ status: 422, body: { code: "provider_revoked" } });
    expect(await rotate("none")).toMatchObject({ status: 404, body: { code: "ai_provider_not_found" } });
  });

  it("rotates the audit trail where it is in files, and follows it across the parts", async () => {
    const { adminToken: key } = target();
    const rotated = await ask(target(), "POST", "/provisioning/audit/rotate", { key });
    if (rotated.status === 422) expect(rotated.body.code).toBe("audit_not_rotatable");
    else
      expect(rotated).toMatchObject({ status: 200, body: { file: expect.stringMatching(/^audit-\d+-\d+\.jsonl$/) } });
    const verified = await ask(target(), "GET", "/provisioning/audit/verify", { key });
    expect(verified.body).toMatchObject({ ok: true });
    const since = await ask(target(), "GET", `/provisioning/audit/verify?since=${verified.body.events}`, { key });
    expect(since.body).toMatchObject({ ok: true });
    expect((await ask(target(), "GET", "/provisioning/audit/verify?since=x", { key })).status).toBe(400);
  });

  it("keeps an audit trail that verifies, without secrets", async () => {
    const { id, key } = await makeKey(target());
    const page = await ask(target(), "GET", `/provisioning/audit?limit=5&target=${id}`, { key: target().adminToken });
    expect(page.body.events.map((event: { phase: string }) => event.phase)).toEqual(["outcome", "intent"]);
    expect(JSON.stringify(page.body)).not.toContain(key.slice(-36));
    const verified = await ask(target(), "GET", "/provisioning/audit/verify", { key: target().adminToken });
    expect(verified.body).toMatchObject({ ok: true });
  });
}
