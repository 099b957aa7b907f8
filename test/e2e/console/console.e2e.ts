import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { hasHiddenCharacters } from "../../../src/domain/hidden-characters.ts";
import { ask, makeKey } from "../../contract/target.ts";
import { violations } from "./axe.ts";
import { openBrowser, type TestBrowser, type Watched } from "./browser.ts";
import { named, signIn, tabTo, visit } from "./people.ts";
import { openStand, type Stand, targets } from "./stand.ts";

let browser: TestBrowser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

describe.each(Object.keys(targets))("the console on %s", (kind) => {
  let stand: Stand;
  const people: Awaited<ReturnType<TestBrowser["person"]>>[] = [];
  const person = async () => {
    const one = await browser.person(stand.target.origin);
    people.push(one);
    return one;
  };
  beforeAll(async () => {
    stand = await openStand(targets[kind]!);
  });
  afterAll(() => stand?.close());
  const sessions = new Set<string>();
  afterEach(async () => {
    for (const { page } of people) {
      const session = await page.evaluate('sessionStorage.getItem("provisioning.session")').catch(() => null);
      if (session) sessions.add(String(session));
    }
    const faults = people.flatMap((one) => one.faults);
    for (const { context } of people.splice(0)) await context.close();
    expect(faults).toEqual([]);
  });

  it("leads from nothing to a metered answer, by mouse", async () => {
    const { target, upstream } = stand;
    const { page } = await person();
    await signIn(page, target, target.adminToken);
    await visit(page, target, "providers/new");
    await page.getByRole("combobox", { name: /^Provider/ }).selectOption("openai");
    await page.getByLabel("Name", { exact: true }).fill("Second provider");
    await page.getByLabel("Key", { exact: true }).fill("sk-not-a-real-key-0000");
    await page.getByLabel("Base URL", { exact: true }).fill(`${upstream.origin}/v1`);
    await page.getByLabel(/Ask the provider/).uncheck();
    await page.getByRole("dialog").getByRole("button", { name: "Add provider" }).click();
    await page.getByText("Second provider").first().waitFor();
    await visit(page, target, "agents");
    await named(page, "link", "New agent").click();
    await page.getByLabel("Name", { exact: true }).fill("First steps");
    await page.getByLabel("Model", { exact: true }).fill("gpt-4o-mini");
    await page.getByRole("combobox", { name: /^AI key of/ }).selectOption("openai");
    await page.getByLabel("Tokens a month", { exact: true }).fill("100 000");
    await page.getByLabel(/Show me the AI key/).check();
    expect(await page.locator("pre").textContent()).toContain('"maxTokensPerMonth": 100000');
    await named(page, "button", "Create agent").click();
    const secret = await page.locator(".secret code").textContent();
    expect(secret).toMatch(/^ocv_/);
    const answer = await target.fetch(`${target.origin}/proxy/openai/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-4o-mini", max_tokens: 16, messages: [{ role: "user", content: "hello" }] }),
    });
    expect([answer.status, (await answer.text()).length > 0]).toEqual([200, true]);
    await named(page, "link", "Open the agent").click();
    await page.getByRole("table", { name: "Models" }).getByText("gpt-4o-mini").waitFor();
    expect(await page.getByRole("img", { name: /^Tokens by day/ }).count()).toBe(1);
  });

  it("is worked by keyboard alone, from the sign-in to a deleted agent", async () => {
    const { target, key } = stand;
    const { page } = await person();
    const { keyboard } = page;
    await page.goto(`${target.origin}/console/`);
    await page.getByLabel("Gateway token").waitFor();
    await tabTo(page, "Gateway token");
    await keyboard.type(target.token);
    await tabTo(page, "Provisioning key");
    await keyboard.type(key);
    await keyboard.press("Enter");
    await page.getByRole("navigation").waitFor();

    await keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await keyboard.press("Escape");
    await keyboard.press("n");
    await page.getByRole("heading", { name: "New agent" }).waitFor();
    await tabTo(page, "Name");
    await keyboard.type("By keyboard");
    await tabTo(page, "Create agent");
    await keyboard.press("Enter");
    await named(page, "link", "Open the agent").waitFor();
    await tabTo(page, "Open the agent");
    await keyboard.press("Enter");
    for (const [verb, state] of [
      ["Suspend", "suspended"],
      ["Resume", "ready"],
    ] as const) {
      await named(page, "button", verb).waitFor();
      await tabTo(page, verb);
      await keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      await tabTo(page, verb);
      await keyboard.press("Enter");
      await page.locator(".head .pill", { hasText: state }).waitFor();
    }
    await tabTo(page, "Rotate AI key");
    await keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(page, "Show me the new key");
    await keyboard.press("Space");
    await tabTo(page, "Rotate AI key");
    await keyboard.press("Enter");
    await page.locator(".secret code").waitFor();
    await keyboard.press("Escape");
    await tabTo(page, "Quotas");
    await keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(page, "Requests a day");
    await keyboard.type("50");
    await keyboard.press("Enter");
    await page.getByText("0 / 50").waitFor();
    await tabTo(page, "Delete");
    await keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(page, /^Type by-keyboard/);
    await keyboard.type("by-keyboard");
    await keyboard.press("Enter");
    await page.getByRole("heading", { name: "Agents", exact: true }).waitFor();
    await keyboard.press("/");
    await keyboard.type("by-keyboard");
    await page.getByText("No agent matches.").waitFor();
    expect(page.url()).toContain("q=by-keyboard");
    await page.evaluate("document.activeElement.blur()");
    await keyboard.press("g");
    await keyboard.press("k");
    await page.getByRole("heading", { name: "Provisioning keys" }).waitFor();
  });

  it("makes, rotates and revokes a key, and verifies the trail", async () => {
    const { target, key } = stand;
    const { page } = await person();
    await signIn(page, target, key);
    await visit(page, target, "keys/new");
    await page.getByLabel("Name", { exact: true }).fill("Console made");
    await page.getByRole("dialog").getByRole("button", { name: "Create key" }).click();
    expect(await page.locator(".secret code").textContent()).toMatch(/^ocp_/);
    await page.keyboard.press("Escape");
    const row = page.getByRole("row", { name: /Console made/ });
    await row.getByRole("button", { name: "Rotate" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
    await page.locator(".secret code").waitFor();
    await page.keyboard.press("Escape");
    await row.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await row.getByText("revoked").waitFor();
    await visit(page, target, "audit");
    await page.getByText("provisioning-key.revoke").first().waitFor();
    await named(page, "button", "Verify chain").click();
    await page.getByText(/^Whole: /).waitFor();
    await page.getByLabel("Action", { exact: true }).fill("console.open");
    await page.getByLabel("Action", { exact: true }).press("Enter");
    await page.waitForURL(/action=console\.open/);
    await page.getByLabel("Phase", { exact: true }).selectOption("intent");
    await page.locator("tbody .pill", { hasText: "intent" }).first().waitFor();
    expect(await page.locator("tbody .pill", { hasText: "success" }).count()).toBe(0);
    await page.getByLabel("Phase", { exact: true }).selectOption("");
    await page.getByLabel("Outcome", { exact: true }).selectOption("failure");
    await page.getByText("No events here").waitFor();
    await page.getByLabel("Outcome", { exact: true }).selectOption("success");
    await page.getByLabel("From (UTC)").fill("2999-01-01");
    await page.getByText("No events here").waitFor();
    await page.getByLabel("From (UTC)").fill("");
    await page
      .getByRole("row", { name: /console\.open/ })
      .first()
      .getByRole("link")
      .click();
    await page.getByRole("heading", { name: /^Event \d+/ }).waitFor();
    expect(await page.locator("pre").textContent()).toContain('"hash"');
  });

  it("shows in one browser what changes in another, within three seconds", async () => {
    const { target, key } = stand;
    const [one, other] = [await person(), await person()];
    for (const { page } of [one, other]) {
      await signIn(page, target, key);
      await visit(page, target, "agents");
      await page.getByRole("row", { name: /triage/ }).waitFor();
    }
    await one.page.getByLabel("Choose triage").check();
    await named(one.page, "button", "Suspend").click();
    await one.page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
    await one.page
      .getByRole("row", { name: /triage/ })
      .getByText("suspended")
      .waitFor();
    await other.page
      .getByRole("row", { name: /triage/ })
      .getByText("suspended")
      .waitFor({ timeout: 3_500 });
    await ask(target, "POST", "/agents/triage/resume", { key });
  });

  it("ends at once with a sign-out, and shows nothing to whoever goes back", async () => {
    const { target, key } = stand;
    const { page, asked } = await person();
    await signIn(page, target, key);
    await visit(page, target, "agents/hr-faq");
    await page.getByRole("heading", { name: "hr-faq" }).waitFor();
    const session = String(await page.evaluate('sessionStorage.getItem("provisioning.session")'));
    expect(session).toMatch(/^ocs_/);
    await named(page, "button", "Sign out").click();
    await page.getByLabel("Gateway token").waitFor();
    expect((await ask(target, "GET", "/agents", { token: session })).status).toBe(401);
    await page.goBack();
    await page.getByLabel("Gateway token").waitFor();
    expect(await page.getByText("hr-faq").count()).toBe(0);
    expect(await page.evaluate("sessionStorage.length")).toBe(0);
    expect(asked.filter((url) => url.includes("ocs_"))).toEqual([]);
  });

  it("ends at once with its key", async () => {
    const { target } = stand;
    const { id, key } = await makeKey(target);
    const { page } = await person();
    await signIn(page, target, key);
    await visit(page, target, "agents");
    await page.getByRole("row", { name: /hr-faq/ }).waitFor();
    await ask(target, "POST", `/provisioning/agent-keys/${id}/revoke`, { key: target.adminToken });
    await page.getByText("The session has ended. Sign in again.").waitFor({ timeout: 5_000 });
    expect(await page.getByText("hr-faq").count()).toBe(0);
  });

  it("opens by a link once, and keeps its code out of the address", async () => {
    const { target, key } = stand;
    const { body } = await ask(target, "POST", "/console/link", { key });
    const link = `${target.origin}/console/${new URL(body.link).hash}`;
    const { page } = await person();
    await page.goto(link);
    await page.getByRole("navigation").waitFor();
    expect(page.url()).not.toContain("code=");
    const late = await person();
    await late.page.goto(link);
    await late.page.getByText("The link opens the console no more.").waitFor();
  });

  it("says what is wrong in the API's words, where it is", async () => {
    const { target, key } = stand;
    const { page } = await person();
    await page.goto(`${target.origin}/console/`);
    await page.getByLabel("Gateway token").fill("wrong");
    await page.getByRole("button", { name: /^Sign in/ }).click();
    await page.getByRole("alert").getByText("The gateway token is not valid.").waitFor();
    await page.getByText(/unauthorized, req_[a-p]{24}/).waitFor();
    await signIn(page, target, key);
    await visit(page, target, "agents/new");
    await page.getByLabel("Name", { exact: true }).fill("x".repeat(200));
    await named(page, "button", "Create agent").click();
    await page.locator(".field", { hasText: "Name" }).getByText("at most 128 characters").waitFor();
  });

  it("shows the holder of an AI key what is left of it, and nothing else", async () => {
    const { target, key } = stand;
    const rotated = await ask(target, "POST", "/agents/hr-faq/ai-key/rotate", { key, body: { revealAiKey: true } });
    const { page } = await person();
    await visit(page, target, "key");
    await page.getByLabel("AI key", { exact: true }).fill(rotated.body.aiKey.key);
    await named(page, "button", "Show").click();
    await page.getByText("20,000 left").waitFor();
    expect(await page.getByText("hr-faq").count()).toBe(0);
    expect((await ask(target, "GET", "/agents", { token: rotated.body.aiKey.key })).status).toBe(401);
  });

  it("asks for a list once", async () => {
    const { target, key } = stand;
    const { page, asked } = await person();
    await signIn(page, target, key);
    await visit(page, target, "keys");
    await page
      .getByRole("row", { name: /CI pipeline/ })
      .first()
      .waitFor();
    asked.length = 0;
    const begun = performance.now();
    await visit(page, target, "agents?q=a");
    await page.getByRole("row", { name: /triage/ }).waitFor();
    const lists = asked.filter((call) => call === "GET /api/v1/agents");
    // A list that is shown is asked for again every two and a half seconds.
    expect(lists.length).toBeLessThanOrEqual(1 + Math.floor((performance.now() - begun) / 2_500));
    expect(asked.filter((call) => /agents\/./.test(call))).toEqual([]);
  });

  it("has logged no session, nor a link's code, whatever was done above", () => {
    const log = stand.log();
    expect(log).toContain('"level":"info"');
    expect(sessions.size).toBeGreaterThan(2);
    for (const session of sessions) expect(log).not.toContain(session.slice(-36));
    expect(log).not.toMatch(/oc[sc]_[A-Za-z0-9]{16}_/);
  });
});

describe("what a stranger chose", () => {
  let stand: Stand;
  let one: Watched & { context: { close(): Promise<void> } };
  beforeAll(async () => {
    stand = await openStand(targets.Node!);
    one = await browser.person(stand.target.origin);
    await signIn(one.page, stand.target, stand.key);
  });
  afterAll(async () => {
    await one?.context.close();
    await stand?.close();
  });

  it("is shown as text: markup, hidden characters and turned text", async () => {
    const { page, faults } = one;
    const name = "<img src=x onerror=\"document.title='owned'\">\u202egnp.exe\u0007";
    await page.route("**/api/v1/agents?*", (route) =>
      route.fulfill({
        json: {
          agents: [{ agentId: "odd", name, status: "ready", bindings: [name], managed: true, labels: { a: name } }],
        },
      }),
    );
    await page.route("**/api/v1/provisioning/audit?*", (route) =>
      route.fulfill({
        json: {
          events: [
            {
              seq: 7,
              time: "2026-11-28T23:51:56.000Z",
              phase: "event",
              action: name,
              actor: name,
              target: name,
              address: name,
              outcome: "denied",
              details: { code: name },
              previous: "0",
              hash: "1",
            },
          ],
        },
      }),
    );
    await visit(page, stand.target, "agents");
    await page.getByRole("row", { name: /onerror/ }).waitFor();
    await visit(page, stand.target, "audit");
    await page.getByRole("row", { name: /onerror/ }).waitFor();
    expect(await page.locator("main img").count()).toBe(0);
    expect(await page.title()).not.toContain("owned");
    expect(hasHiddenCharacters((await page.locator("main").textContent()) ?? "")).toBe(false);
    expect(await page.locator("main").textContent()).toContain("\\u202e");
    expect(faults).toEqual([]);
  });

  it("cannot frame the page, nor use a session that it has not", async () => {
    const { origin, token } = stand.target;
    const attacker = await browser.person("http://attacker.invalid");
    await attacker.context.unroute("**/*");
    await attacker.context.route("http://attacker.invalid/**", (route) =>
      route.fulfill({ contentType: "text/html", body: `<iframe src="${origin}/console/"></iframe>` }),
    );
    await attacker.page.goto("http://attacker.invalid/");
    const frame = attacker.page.frames()[1]!;
    await frame.waitForLoadState();
    expect(await frame.locator("#app").count()).toBe(0);
    const agents = async () => (await ask(stand.target, "GET", "/agents", { token })).body.agents.length;
    const before = await agents();
    const outcome = await attacker.page.evaluate(async (url) => {
      const body = JSON.stringify({ name: "Forged" });
      const init = { method: "POST", body, mode: "no-cors", credentials: "include" } as const;
      return await fetch(`${url}/api/v1/agents/create`, init).then(
        ({ type }) => type,
        () => "refused",
      );
    }, origin);
    expect(["opaque", "refused"]).toContain(outcome);
    expect(await agents()).toBe(before);
    await attacker.context.close();
  });
});

const states: [place: string, ready: string][] = [
  ["overview", "Overview"],
  ["agents", "Agents"],
  ["agents/hr-faq", "hr-faq"],
  ["agents/new", "New agent"],
  ["keys", "Provisioning keys"],
  ["keys/new", "Provisioning keys"],
  ["providers", "AI providers"],
  ["providers/new", "AI providers"],
  ["audit", "Audit"],
  ["audit/2", "Event 2"],
  ["usage", "Usage & money"],
  ["live", "Live"],
  ["health", "Health"],
  ["alerts", "Alerts"],
  ["alerts/new", "Alerts"],
  ["nowhere", "There is no such page."],
];

describe("anybody can use it", () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await openStand(targets.Node!);
  });
  afterAll(() => stand?.close());

  it.each([
    ["light", { colorScheme: "light" as const }],
    ["dark", { colorScheme: "dark" as const }],
    ["390 pixels wide", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
  ])("axe finds nothing on any page: %s", async (_, options) => {
    const { target, key } = stand;
    const { page, faults, context } = await browser.person(target.origin, { ...options, reducedMotion: "reduce" });
    const found: string[] = [];
    const look = async (place: string) => {
      for (const fault of await violations(page)) found.push(`${place}: ${fault}`);
      const wide = Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));
      if (wide > 0) found.push(`${place}: ${wide} pixels stick out`);
    };
    await page.goto(`${target.origin}/console/`);
    await page.getByLabel("Gateway token").waitFor();
    await look("door");
    await visit(page, target, "key");
    await page.getByLabel("AI key", { exact: true }).waitFor();
    await look("key");
    await signIn(page, target, key);
    for (const [place, ready] of states) {
      await visit(page, target, place);
      await page.getByRole("heading", { name: ready, exact: true, includeHidden: true }).first().waitFor();
      // The events' stream is open all the time: the network is never idle.
      await page.waitForTimeout(300);
      await page.locator(".skeleton").first().waitFor({ state: "detached" });
      await look(place);
    }
    await context.close();
    expect(found).toEqual([]);
    expect(faults).toEqual([]);
  });
});
