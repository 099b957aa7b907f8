import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { allScopes, ask, makeKey } from "../../contract/target.ts";
import { operatorsOnNode } from "./operators-on-node.ts";
import { named, signIn, visit } from "./people.ts";

const on = operatorsOnNode();
const { person } = on;

const plain = "http://console.example";

/** The page as it comes over a network without HTTPS, where a browser gives it less. */
async function onPlainHttp() {
  const { target, key } = on.stand;
  const one = await person(plain);
  await one.context.unroute("**/*");
  await one.context.route(`${plain}/**`, async (route) => {
    const { pathname, search } = new URL(route.request().url());
    if (pathname.endsWith("/events")) return await route.abort();
    await route.fulfill({ response: await route.fetch({ url: target.origin + pathname + search }) });
  });
  await signIn(one.page, { ...target, origin: plain }, key);
  expect(await one.page.evaluate("isSecureContext")).toBe(false);
  return one;
}

it("changes agents on a page that came over plain HTTP", async () => {
  const { page } = await onPlainHttp();
  await page.goto(`${plain}/console/#/agents/new`);
  await page.getByLabel("Name", { exact: true }).fill("Over plain HTTP");
  await named(page, "button", "Create agent").click();
  await named(page, "link", "Open the agent").click();
  await named(page, "button", "Rotate AI key").click();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate AI key" }).click();
  await page.getByText("The new key is stored at the agent's host.").waitFor();
  await page.goto(`${plain}/console/#/agents`);
  await page.getByLabel("Choose over-plain-http").check();
  await named(page, "button", "Suspend").click();
  await page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
  await page
    .getByRole("row", { name: /Over plain HTTP/ })
    .getByText("suspended")
    .waitFor();
});

it("says that an id is selected where it is, on a page that may not copy", async () => {
  const { page } = await onPlainHttp();
  await page.goto(`${plain}/console/#/agents/hr-faq`);
  await page.getByRole("button", { name: /^Copy/ }).first().click();
  await page.getByText(/selected, press/).waitFor();
  expect(await page.evaluate("String(getSelection())")).toBe("hr-faq");
});

it("leaves what another operator changes while a dialog is open", async () => {
  const { target, key } = on.stand;
  const { page } = await person();
  await signIn(page, target, key);
  await visit(page, target, "agents/triage");
  await named(page, "button", "Quotas").click();
  await page.getByLabel("Requests a day", { exact: true }).fill("70");
  await ask(target, "PATCH", "/agents/triage", { key, body: { quotas: { maxTokensPerMonth: 9_000 } } });
  await page.getByText("0 / 9K").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Quotas" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await named(page, "button", "Edit").click();
  await page.getByLabel("Labels", { exact: true }).fill("tenant:acme plan:pro");
  await ask(target, "PATCH", "/agents/triage", { key, body: { name: "Triage desk" } });
  await page.getByRole("heading", { name: "Triage desk", includeHidden: true }).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Edit" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const { name, labels, health } = (await ask(target, "GET", "/agents/triage", { key })).body;
  expect([name, labels]).toEqual(["Triage desk", { tenant: "acme", plan: "pro" }]);
  expect(health.aiKey.quotas).toMatchObject({ maxTokensPerMonth: { limit: 9_000 }, maxRequestsPerDay: { limit: 70 } });
});

it("shows no page of all agents to a session that reaches its own", async () => {
  const { target } = on.stand;
  const { key } = await makeKey(target, { reach: "own" });
  const { page } = await person();
  await signIn(page, target, key);
  expect(await named(page, "link", "Live").count()).toBe(0);
  await visit(page, target, "live");
  await page.getByText("your session reaches those that its key made").waitFor();
});

it("opens an agent that is called new", async () => {
  const { target, key } = on.stand;
  expect((await ask(target, "POST", "/agents/create", { key, body: { name: "new" } })).status).toBe(201);
  const { page } = await person();
  await signIn(page, target, key);
  await visit(page, target, "agents?q=new");
  await page.getByRole("table").getByRole("link", { name: "new", exact: true }).click();
  await page.getByRole("heading", { name: "new", exact: true }).waitFor();
});

it("keeps those agents chosen for which a change was not made", async () => {
  const { target, key } = on.stand;
  const made = await ask(target, "POST", "/agents/create", { key, body: { name: "without key" } });
  expect(made.status).toBe(201);
  const { page } = await person();
  await signIn(page, target, key);
  await visit(page, target, "agents");
  await page.getByLabel("Choose translator").check();
  await page.getByLabel("Choose without-key").check();
  await named(page, "button", "Suspend").click();
  await page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
  await page.getByText("Not done for 1").waitFor();
  await page.getByRole("dialog", { name: "Suspend 1 agent?" }).getByRole("button", { name: "Cancel" }).click();
  await page.getByText("1 chosen").waitFor();
  await ask(target, "POST", "/agents/translator/resume", { key });
});

it("says that the session has ended, on a page that is opened after its end", async () => {
  const { target } = on.stand;
  const { id, key } = await makeKey(target);
  const { page } = await person();
  await signIn(page, target, key);
  await page.goto("about:blank");
  await ask(target, "POST", `/provisioning/agent-keys/${id}/revoke`, { key: target.adminToken });
  await visit(page, target, "agents");
  await page.getByText("The session has ended. Sign in again.").waitFor();
});

it("shows a session that comes by a link nothing of the one before", async () => {
  const { target, key } = on.stand;
  const { key: own } = await makeKey(target, { scopes: allScopes, reach: "own" });
  const { body } = await ask(target, "POST", "/console/link", { key: own });
  const { page } = await person();
  await signIn(page, target, key);
  await visit(page, target, "agents/hr-faq");
  await page.getByText("claude-sonnet-4-5").first().waitFor();
  await page.goto(`${target.origin}/console/${new URL(body.link).hash}`);
  await named(page, "link", "Keys").waitFor({ state: "detached" });
  await visit(page, target, "agents/hr-faq");
  await page.getByText("agent_not_found").waitFor();
  expect(await page.getByText("claude-sonnet-4-5").count()).toBe(0);
});

it("goes on with a new session where a call of the one before is refused late", async () => {
  const { target, key } = on.stand;
  const { page } = await person();
  await signIn(page, target, key);
  let refuse: (() => Promise<unknown>) | undefined;
  await page.route("**/api/v1/usage?*", async (route) => {
    if (refuse) return await route.continue();
    refuse = () => route.fulfill({ status: 401, json: { code: "unauthorized", detail: "It has ended." } });
  });
  await visit(page, target, "usage");
  await expect.poll(() => refuse).toBeDefined();
  await named(page, "button", "Sign out").click();
  await page.getByLabel("Gateway token").fill(target.token);
  await page.getByLabel("Provisioning key").fill(key);
  await page.getByRole("button", { name: /^Sign in/ }).click();
  await page.getByRole("navigation").waitFor();
  await refuse!();
  await visit(page, target, "agents");
  await page.getByRole("row", { name: /hr-faq/ }).waitFor();
});

it("shows why a price could not be unset", async () => {
  const { target } = on.stand;
  const prices = [{ provider: "anthropic", model: "claude-x", input: 1, output: 2 }];
  await ask(target, "PUT", "/provisioning/prices", { key: target.adminToken, body: { prices } });
  const { page } = await person();
  await signIn(page, target, target.adminToken);
  await visit(page, target, "usage");
  await page.getByRole("row", { name: /claude-x/ }).waitFor();
  await page.route("**/provisioning/prices/**", (route) =>
    route.fulfill({ status: 503, json: { code: "store_unwritable", detail: "The disk is full." } }),
  );
  await page.getByRole("button", { name: /^Unset/ }).click();
  await page.getByText("The disk is full.").waitFor();
});

it("leads on to all prices of one's own", async () => {
  const { target } = on.stand;
  const prices = Array.from({ length: 101 }, (_, at) => ({
    ...{ provider: "anthropic", model: `own-${String(at).padStart(3, "0")}`, input: 1, output: 2 },
  }));
  await ask(target, "PUT", "/provisioning/prices", { key: target.adminToken, body: { prices } });
  const { page } = await person();
  await signIn(page, target, target.adminToken);
  await visit(page, target, "usage");
  await page.getByRole("row", { name: /own-000/ }).waitFor();
  await named(page, "button", "Next page").click();
  await page.getByRole("row", { name: /own-100/ }).waitFor();
  await named(page, "button", "First page").click();
  await page.getByRole("row", { name: /own-000/ }).waitFor();
});

it("exports every row of the usage", async () => {
  const { target, key } = on.stand;
  const { page } = await person();
  await signIn(page, target, key);
  const total = { requests: 1, inputTokens: 1, outputTokens: 1, tokens: 2, usd: 0.5, unpricedRequests: 0 };
  const all = Array.from({ length: 1_203 }, (_, at) => ({ key: `agent-${at}`, name: `=Agent, ${at}`, ...total }));
  await page.route("**/api/v1/usage?*", async (route) => {
    const query = new URL(route.request().url()).searchParams;
    const from = Number(query.get("cursor") ?? 0);
    const rows = all.slice(from, from + Number(query.get("limit")));
    const next = from + rows.length < all.length ? { nextCursor: String(from + rows.length) } : {};
    await route.fulfill({ json: { from: "2026-11-01", to: "2026-11-30", by: "agent", rows, total, ...next } });
  });
  await visit(page, target, "usage");
  await page.getByText("=Agent, 0", { exact: true }).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), named(page, "button", "Export CSV").click()]);
  const lines = (await readFile((await download.path())!, "utf8")).split("\r\n");
  expect(lines[0]).toBe("key,name,requests,inputTokens,outputTokens,tokens,usd,unpricedRequests");
  expect(lines.at(-2)).toBe(`agent-1202,"'=Agent, 1202",1,1,1,2,0.5,0`);
  expect(lines.length).toBe(1 + all.length + 1);
});

it("goes on after a pause with what came during it", async () => {
  const { target, key } = on.stand;
  const { page } = await person();
  await signIn(page, target, key);
  await visit(page, target, "live");
  await page.getByText("live", { exact: true }).waitFor();
  await makeKey(target, { name: "before the pause" });
  await page.getByRole("row", { name: /before the pause/ }).waitFor();
  await named(page, "button", "Pause").click();
  await makeKey(target, { name: "in the pause" });
  await ask(target, "PATCH", "/agents/hr-faq", { key, body: { labels: { tenant: "paused" } } });
  // A stream tells every two seconds.
  await page.waitForTimeout(3_000);
  expect(await page.getByRole("row", { name: /in the pause|agent\.update.*hr-faq/ }).count()).toBe(0);
  await named(page, "button", "Go on").click();
  await makeKey(target, { name: "after the pause" });
  await page.getByRole("row", { name: /after the pause/ }).waitFor();
  const rows = await page.getByRole("table", { name: "Audit" }).locator("tbody tr").allTextContents();
  const made = rows.flatMap((row) => /^provisioning-key\.create.*?name (\w+) the pause/.exec(row)?.[1] ?? []);
  expect(made).toEqual(["after", "in", "before"]);
});

it("tells an intent whose outcome is on the page before from one without", async () => {
  const { target, key } = on.stand;
  for (let at = 0; at < 60; at++)
    await ask(target, "PATCH", "/agents/translator", { key, body: { labels: { at: `${at}` } } });
  const { page } = await person();
  await signIn(page, target, target.adminToken);
  // One event more moves the pages' end between the two lines of a change.
  for (const turn of ["even", "odd"]) {
    await visit(page, target, `audit?target=&turn=${turn}`);
    await page.getByText("agent.update").first().waitFor();
    await named(page, "button", "Next page").click();
    await named(page, "button", "First page").waitFor();
    await page.waitForTimeout(1_000);
    expect(await page.getByText("no outcome").count()).toBe(0);
    await visit(page, target, "overview");
    await ask(target, "GET", "/provisioning/sessions", { key: (await makeKey(target)).key });
  }
});

it("tells of more agents near a limit than it lists, and names all", async () => {
  const { target, key } = on.stand;
  for (let at = 0; at < 11; at++) {
    const autoProvisionAiKey = { provider: "anthropic", quotas: { maxRequestsPerDay: 1 } };
    const body = { name: `Near ${at}`, model: "claude-sonnet-4-5", revealAiKey: true, autoProvisionAiKey };
    const made = await ask(target, "POST", "/agents/create", { key, body });
    const call = { model: "claude-sonnet-4-5", max_tokens: 16, messages: [{ role: "user", content: "hello" }] };
    const answer = await target.fetch(`${target.origin}/proxy/anthropic/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": made.body.aiKey.key, "content-type": "application/json" },
      body: JSON.stringify(call),
    });
    expect([answer.status, (await answer.text()).length > 0]).toEqual([200, true]);
  }
  const { page } = await person();
  await signIn(page, target, key);
  await page.getByText("10 or more at it").waitFor();
  const top = await page.getByRole("table", { name: "Most spent this month" }).locator("tbody tr").allTextContents();
  expect(top.filter((row) => !row.startsWith("Near "))).toEqual([]);
});

it("keeps a dialog open while the secret that it will show is made", async () => {
  const { target, key } = on.stand;
  const { page } = await person();
  await signIn(page, target, key);
  await visit(page, target, "keys/new");
  await page.getByLabel("Name", { exact: true }).fill("Closed early");
  await page.route("**/api/v1/provisioning/agent-keys", async (route) => {
    if (route.request().method() !== "POST") return await route.continue();
    await page.waitForTimeout(1_000);
    await route.continue();
  });
  await page.getByRole("dialog").getByRole("button", { name: "Create key" }).click();
  for (let turn = 0; turn < 3; turn++) await page.keyboard.press("Escape");
  expect(await page.locator(".secret code").textContent()).toMatch(/^ocp_/);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

it("shows the actions of each row on a narrow screen, and besides a long name", async () => {
  const { target, key } = on.stand;
  await makeKey(target, { name: "K".repeat(100) });
  for (const width of [360, 1_280]) {
    const { page } = await person(target.origin, { viewport: { width, height: 800 } });
    await signIn(page, target, target.adminToken);
    for (const place of ["agents", "keys", "audit"]) {
      await visit(page, target, place);
      await page.locator("tbody tr").first().waitFor();
      const boxes: { width: number; x: number }[] = [];
      for (const one of await page.locator("tbody :is(button, input)").all()) boxes.push((await one.boundingBox())!);
      const cramped = boxes.filter((box) => box.width < 16 || box.x < 0 || box.x + box.width > width);
      expect([place, width, cramped]).toEqual([place, width, []]);
      const wide = Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));
      expect([place, width, Math.max(0, wide)]).toEqual([place, width, 0]);
    }
  }
  const { page } = await person();
  await signIn(page, target, key);
  await visit(page, target, "agents");
  const row = page.getByRole("row", { name: /hr-faq/ });
  const [made, maker] = [await row.locator("time").boundingBox(), await row.locator(".maker").boundingBox()];
  expect(maker!.y).toBeGreaterThanOrEqual(made!.y + made!.height - 1);
});
