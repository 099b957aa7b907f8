import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { audience, type IssuerKey, type JwtIssuer, makeIssuerKey, startJwtIssuer } from "../jwt-issuer.ts";
import { newName } from "./agent-tests.ts";
import { type NodeTarget, nodeTarget } from "./node-target.ts";
import { ask, makeKey, makeLinkedKey } from "./target.ts";

describe("sign-in by JWT", () => {
  let issuer: JwtIssuer;
  let key: IssuerKey;
  let target: NodeTarget;
  let linked: { provider: { id: string }; key: string };

  beforeAll(async () => {
    issuer = await startJwtIssuer();
    key = await makeIssuerKey("k1");
    issuer.publish(key);
    const jwks = {
      issuer: issuer.url,
      audience,
      algorithms: ["ES256"],
      rules: [
        { claim: "role", value: "builder", scopes: ["agents:create"], aiProviderKeyId: "to-be-linked" },
        { claim: "role", value: "keeper", scopes: ["agents:create", "agents:delete"] },
        { claim: "role", value: "admin", scopes: ["provisioning:admin"] },
        { claim: "role", value: "reader", scopes: [] },
        { claim: "role", value: "tenant", scopes: ["agents:create", "agents:update", "agents:delete"], reach: "own" },
      ],
    };
    const provisioning = { enabled: true, allowDelete: true, maxAgentsPerKey: 3, auth: { jwks } };
    target = await nodeTarget({ config: { gateway: { provisioning }, logging: { level: "error" } } });
    linked = await makeLinkedKey(target);
  });
  afterAll(async () => {
    await target?.close();
    await issuer?.close();
  });
  beforeEach(() => issuer.answer(undefined));

  /** A subject of its own for each test: limits go by it. */
  const jwt = async (claims: object = {}) => await issuer.sign(key, { sub: newName("subject"), ...claims });
  const create = (token: string, body: object, provisioningKey?: string) =>
    ask(target, "POST", "/agents/create", { token, body, ...(provisioningKey && { key: provisioningKey }) });

  it("stands for the gateway token: it reads, and changes nothing by itself", async () => {
    const token = await jwt({ role: "reader" });
    expect((await ask(target, "GET", "/agents", { token })).status).toBe(200);
    expect((await ask(target, "GET", `${target.origin}/metrics`, { token })).status).toBe(200);
    expect(await create(token, { name: newName("none") })).toMatchObject({
      status: 401,
      body: { code: "provisioning_key_missing" },
    });
    const { key: provisioningKey } = await makeKey(target);
    expect((await create(token, { name: newName("keyed") }, provisioningKey)).status).toBe(201);
  });

  it("is 401 for every token that is not the issuer's to us, in one wording", async () => {
    const stranger = await makeIssuerKey("k1");
    const bad = await Promise.all([
      issuer.sign(stranger),
      jwt({ aud: "another" }),
      jwt({ iss: "https://elsewhere.example.org" }),
      jwt({ exp: 1 }),
      // It is the issuer's and to us, but nobody whom the rules let in.
      jwt(),
      jwt({ role: "visitor" }),
    ]);
    for (const token of [...bad, "a.b.c"]) {
      const { status, body, headers } = await ask(target, "GET", "/agents", { token });
      expect([status, body.code, body.detail]).toEqual([401, "unauthorized", "The gateway token is not valid."]);
      expect(headers.get("www-authenticate")).toContain('error="invalid_token"');
    }
  });

  it("may, without a provisioning key, what its rules say, and nothing else", async () => {
    const builder = await jwt({ role: "builder" });
    const name = newName("built");
    const made = await create(builder, { name });
    expect(made.status).toBe(201);
    expect((await ask(target, "GET", `/agents/${name}`, { token: builder })).body.createdBy).toMatch(/^jwt:subject-/);
    for (const [method, path, body] of [
      ["DELETE", `/agents/${name}`, undefined],
      ["PATCH", `/agents/${name}`, { name: "Another" }],
      ["POST", `/agents/${name}/onboard`, { steps: ["model"], model: "gpt-5" }],
      ["GET", "/provisioning/agent-keys", undefined],
      ["POST", "/provisioning/agent-keys", { name: "mine", scopes: ["provisioning:admin"] }],
    ] as const) {
      const answer = await ask(target, method, path, { token: builder, ...(body && { body }) });
      expect([method, path, answer.status, answer.body.code]).toEqual([method, path, 403, "scope_missing"]);
    }
    expect((await ask(target, "DELETE", `/agents/${name}`, { token: await jwt({ role: "keeper" }) })).status).toBe(200);
    expect((await ask(target, "GET", "/provisioning/agent-keys", { token: await jwt({ role: "admin" }) })).status).toBe(
      200,
    );
  });

  it("has with a provisioning key that key's scopes, not both", async () => {
    const { key: narrow } = await makeKey(target, { scopes: ["agents:update"] });
    expect(await create(await jwt({ role: "builder" }), { name: newName("x") }, narrow)).toMatchObject({
      status: 403,
      body: { code: "scope_missing" },
    });
    expect((await create(await jwt({ role: "builder" }), { name: newName("x") }, "ocp_nothing")).status).toBe(401);
  });

  it("is held to the limits of one key, by its subject", async () => {
    const builder = await jwt({ role: "keeper" });
    const names = [1, 2, 3].map(() => newName("limited"));
    for (const name of names) expect((await create(builder, { name })).status).toBe(201);
    expect(await create(builder, { name: newName("limited") })).toMatchObject({
      status: 403,
      body: { code: "agent_limit_reached" },
    });
    expect((await create(await jwt({ role: "keeper" }), { name: newName("limited") })).status).toBe(201);
    // Anybody's delete frees its place.
    const { key: other } = await makeKey(target);
    expect((await ask(target, "DELETE", `/agents/${names[0]}`, { key: other })).status).toBe(200);
    expect((await create(builder, { name: newName("limited") })).status).toBe(201);
    for (let call = 6; call <= 10; call++) expect((await create(builder, {})).status).toBe(400);
    expect(await create(builder, {})).toMatchObject({ status: 429, body: { code: "rate_limited" } });
  });

  it("repeats safely: an Idempotency-Key is the subject's", async () => {
    const name = newName("again");
    const headers = { "idempotency-key": "same" };
    const token = await jwt({ role: "builder" });
    const first = await ask(target, "POST", "/agents/create", { token, body: { name }, headers });
    const second = await ask(target, "POST", "/agents/create", { token, body: { name }, headers });
    expect([first.status, second.status]).toEqual([201, 200]);
    const other = await ask(target, "POST", "/agents/create", {
      token: await jwt({ role: "builder" }),
      body: { name },
      headers,
    });
    expect(other).toMatchObject({ status: 409, body: { code: "agent_exists" } });
  });

  it("makes AI keys of the provider that its rule links, and of no other", async () => {
    const autoProvisionAiKey = { provider: "anthropic" };
    const refused = await create(await jwt({ role: "builder" }), { name: newName("x"), autoProvisionAiKey });
    expect(refused).toMatchObject({ status: 403, body: { code: "ai_provider_not_linked" } });
    // As after a restart with the id that "ai-providers list" shows.
    target.context.settings.provisioning.auth.jwks!.rules[0]!.aiProviderKeyId = linked.provider.id;
    const made = await create(await jwt({ role: "builder" }), { name: newName("x"), autoProvisionAiKey });
    expect(made).toMatchObject({ status: 201, body: { aiKey: { provider: "anthropic", mode: "virtual" } } });
    const openai = { provider: "openai" };
    for (const [role, asked] of [
      ["builder", openai],
      ["keeper", autoProvisionAiKey],
    ] as const) {
      const answer = await create(await jwt({ role }), { name: newName("x"), autoProvisionAiKey: asked });
      expect(answer).toMatchObject({ status: 403, body: { code: "ai_provider_not_linked" } });
    }
  });

  it("reaches the agents that its subject made, where its rule says so, also in reads", async () => {
    const [mine, theirs] = await Promise.all([jwt({ role: "tenant" }), jwt({ role: ["tenant", "keeper"] })]);
    const own = (await create(mine, { name: newName("mine") })).body.agentId;
    const other = (await create(theirs, { name: newName("theirs") })).body.agentId;
    expect((await ask(target, "GET", "/agents", { token: mine })).body).toMatchObject({ agents: [{ agentId: own }] });
    for (const [token, of] of [
      [mine, other],
      [theirs, own],
    ]) {
      for (const [method, path, body] of [
        ["GET", `/agents/${of}`, undefined],
        ["GET", `/agents/${of}/usage`, undefined],
        ["PATCH", `/agents/${of}`, { name: "x" }],
        ["DELETE", `/agents/${of}`, undefined],
      ] as const) {
        const answer = await ask(target, method, path, { token: token!, body });
        expect([path, answer.status, answer.body.code]).toEqual([path, 404, "agent_not_found"]);
      }
    }
    expect((await ask(target, "GET", `/agents/${own}`, { token: mine })).status).toBe(200);
    expect((await ask(target, "GET", `${target.origin}/metrics`, { token: mine })).status).toBe(403);
    // Without a subject it would share what it owns with every other.
    const nobody = await issuer.sign(key, { sub: "", role: "tenant" });
    expect((await ask(target, "GET", "/agents", { token: nobody })).status).toBe(401);
  });

  it("administers nothing where one of its rules says that its reach is its own", async () => {
    const token = await jwt({ role: ["tenant", "admin"] });
    for (const [method, path, body] of [
      ["GET", "/provisioning/audit", undefined],
      ["POST", "/provisioning/agent-keys", { name: "all", scopes: ["agents:delete"], reach: "all" }],
    ] as const) {
      const answer = await ask(target, method, path, { token, body });
      expect([path, answer.status, answer.body.code]).toEqual([path, 403, "scope_missing"]);
    }
    expect((await create(token, { name: newName("mine") })).status).toBe(201);
  });

  it("follows events no longer than its token is valid", async () => {
    const token = await jwt({ role: "admin", exp: Math.floor(Date.now() / 1000) + 2 });
    const stream = await fetch(`${target.api}/events?types=audit`, { headers: { authorization: `Bearer ${token}` } });
    expect(stream.status).toBe(200);
    // Ends, or this waits until it does by itself, which is minutes.
    await expect(stream.text()).resolves.toContain("retry:");
  });

  it("names the subject in the audit trail, and never shows the token", async () => {
    const sub = newName("audited");
    const token = await jwt({ sub, role: "builder" });
    const name = newName("trail");
    await create(token, { name });
    const { body } = await ask(target, "GET", `/provisioning/audit?target=${name}`, { key: target.adminToken });
    expect(body.events.map((event: { actor: string }) => event.actor)).toEqual([`jwt:${sub}`, `jwt:${sub}`]);
    expect(JSON.stringify(body)).not.toContain(token.split(".")[2]);
  });

  it("is 503 while the issuer cannot be asked; the gateway token goes on working", async () => {
    issuer.answer({ status: 500 });
    const down = await nodeTarget({
      config: {
        gateway: {
          provisioning: { enabled: true, auth: { jwks: { issuer: issuer.url, audience, algorithms: ["ES256"] } } },
        },
        logging: { level: "error" },
      },
    });
    try {
      const answer = await ask(down, "GET", "/agents", { token: await jwt() });
      expect(answer).toMatchObject({ status: 503, body: { code: "issuer_unreachable" } });
      expect((await ask(down, "GET", "/agents")).status).toBe(200);
      expect((await ask(down, "GET", "/agents", { token: "wrong" })).status).toBe(401);
      expect((await ask(down, "GET", `${down.origin}/readyz`, { token: null })).status).toBe(200);
      issuer.answer(undefined);
      const status = async () => (await ask(down, "GET", "/agents", { token: await jwt() })).status;
      await expect.poll(status, { timeout: 5_000 }).toBe(200);
    } finally {
      await down.close();
    }
  });
});
