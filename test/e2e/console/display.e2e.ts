import { readFile, rm } from "node:fs/promises";
import { expect, it } from "vitest";
import { ask } from "../../contract/target.ts";
import { violations } from "./axe.ts";
import { operatorsOnNode } from "./operators-on-node.ts";
import { named, signIn, visit } from "./people.ts";

const on = operatorsOnNode();

it("does not tell of no agents on a page after the last", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "agents?cursor=zzzz");
  await page.waitForTimeout(1_500);
  expect(await page.getByText("No agents yet").count()).toBe(0);
});

it("tells what was spent though the agents that spent it are gone", async () => {
  const { page } = await on.operator();
  await page.route("**/api/v1/overview?*", async (route) => {
    const body = await (await route.fetch()).json();
    const days = body.days.map((day: object) => ({ ...day, requests: 1 }));
    await route.fulfill({ json: { ...body, days, agents: { ...body.agents, total: 0 } } });
  });
  await visit(page, on.stand.target, "overview");
  await page.reload();
  await page.getByText("Tokens this month").waitFor();
});

it("leads on where a page of the trail has only reads", async () => {
  const { page } = await on.operator();
  await page.route("**/provisioning/audit?*", async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    const read = { ...body.events[0], action: "request.read", phase: "outcome", outcome: "success" };
    await route.fulfill({
      json: { events: Array.from({ length: 100 }, (_, at) => ({ ...read, seq: 500 - at })), nextCursor: "400" },
    });
  });
  await visit(page, on.stand.target, "audit");
  await named(page, "button", "Next page").waitFor();
  expect(await page.getByText("No events here").count()).toBe(0);
});

it("says that an export of the trail is cut", async () => {
  const { page } = await on.operator();
  let at = 50_000;
  await page.route("**/provisioning/audit?*limit=1000*", async (route) => {
    const event = {
      phase: "outcome",
      action: "agent.update",
      actor: "cli",
      outcome: "success",
      time: "2026-11-30T00:00:00.000Z",
      previous: "",
      hash: "",
    };
    const events = Array.from({ length: 1_000 }, () => ({ ...event, seq: at-- }));
    await route.fulfill({ json: { events, nextCursor: String(at + 1) } });
  });
  await visit(page, on.stand.target, "audit");
  const [download] = await Promise.all([page.waitForEvent("download"), named(page, "button", "Export JSONL").click()]);
  const lines = (await readFile((await download.path())!, "utf8")).trim().split("\n");
  expect(lines).toHaveLength(20_000);
  await page.getByText(/newest 20,000/).waitFor({ timeout: 3_000 });
});

it("leads to a first answer only where there was none", async () => {
  const { page } = await on.operator();
  await page.route("**/api/v1/overview?*", async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    for (const day of body.days) Object.assign(day, { requests: 5, tokens: 900, usd: 1 });
    await route.fulfill({ json: body });
  });
  await page.reload();
  await page.getByRole("heading", { name: "By day" }).waitFor();
  await page.waitForTimeout(2_000);
  expect(await page.getByText("From nothing to a metered answer").count()).toBe(0);
});

it("keeps long names, ids and labels within a screen of any width", async () => {
  const { target, key } = on.stand;
  const { body: made } = await ask(target, "POST", "/agents/create", {
    key,
    body: { name: "w".repeat(120), model: "m".repeat(120), labels: { plan: "x".repeat(63), tenant: "acme" } },
  });
  const { page } = await on.operator();
  const beyond = `[...document.querySelectorAll("main *, dialog *")]
    .filter((one) => !one.closest("pre, .hidden") && one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map((one) => one.outerHTML.slice(0, 80))`;
  for (const width of [360, 768, 1280, 1920]) {
    await page.setViewportSize({ width, height: 800 });
    await visit(page, target, "agents");
    await page.getByRole("row", { name: /wwww/ }).waitFor();
    expect([width, "agents", await page.evaluate(beyond)]).toEqual([width, "agents", []]);
    await visit(page, target, `agents/${made.agentId}`);
    await named(page, "button", "Delete").click();
    await page.getByRole("dialog").waitFor();
    expect([width, "agent", await page.evaluate(beyond)]).toEqual([width, "agent", []]);
    await page.keyboard.press("Escape");
    await named(page, "button", "Edit").click();
    await page.getByRole("dialog").waitFor();
    expect([width, "edit", await page.evaluate(beyond)]).toEqual([width, "edit", []]);
    await page.keyboard.press("Escape");
  }
});

it("shows a provider's address below its name", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "providers");
  const cell = page
    .getByRole("row", { name: /Main Anthropic/ })
    .getByRole("cell")
    .nth(1);
  await cell.waitFor();
  expect(await cell.innerText()).toMatch(/^anthropic\n/);
});

it("shows every day of a long time in its chart", async () => {
  const { page } = await on.operator();
  await page.route("**/api/v1/usage?*by=day*", async (route) => {
    const limit = Number(new URL(route.request().url()).searchParams.get("limit"));
    const use = {
      requests: 1,
      inputTokens: 1,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 1,
      tokens: 1_000,
      usd: 1,
      unpricedRequests: 0,
    };
    const rows = Array.from({ length: 500 }, (_, at) => ({
      key: new Date(Date.UTC(2025, 0, 1) + at * 86_400_000).toISOString().slice(0, 10),
      ...use,
    }));
    await route.fulfill({
      json: {
        from: rows[0]!.key,
        to: rows.at(-1)!.key,
        by: "day",
        asOf: "2026-11-30T00:00:00.000Z",
        rows: rows.slice(0, limit),
        total: use,
      },
    });
  });
  await visit(page, on.stand.target, "usage?by=day&from=2025-01-01&to=2026-05-15");
  const bars = page.locator("svg.chart g > title");
  await bars.first().waitFor({ state: "attached" });
  const texts = await bars.allTextContents();
  expect(texts).toHaveLength(400);
  expect(texts.at(-1)).toBe("2026-05-15: 1K");
  expect(texts.filter((text) => !text.endsWith(": 1K"))).toEqual([]);
});

it("offers what an agent's key allows, whatever else is wrong with the agent", async () => {
  const { target, key } = on.stand;
  await ask(target, "POST", "/agents/create", { key, body: { name: "without any key" } });
  const { page } = await on.operator();
  await visit(page, target, "agents/without-any-key");
  await named(page, "button", "Edit").waitFor();
  expect(await named(page, "button", "Suspend").count()).toBe(0);
  await ask(target, "POST", "/agents/translator/suspend", { key });
  await rm(target.workspace("translator"), { recursive: true });
  await visit(page, target, "agents/translator");
  await page.getByText("failed").waitFor();
  await named(page, "button", "Resume").click();
  await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
  await page.getByText("translator goes on.").waitFor();
});

it("names a button of a webhook by its webhook", async () => {
  const { page } = await on.operator();
  const webhook = { id: "a", format: "slack", source: "api", events: ["quota.*"], status: "active" };
  await page.route("**/api/v1/provisioning/webhooks", (route) =>
    route.fulfill({ json: { webhooks: [{ ...webhook, url: "https://a.example/" }] } }),
  );
  await visit(page, on.stand.target, "alerts");
  await page.reload();
  await page.getByRole("row", { name: /a.example/ }).waitFor();
  for (const verb of ["Test", "Disable", "Rotate secret", "Delete"])
    expect(await named(page, "button", `${verb} https://a.example/`).count()).toBe(1);
});

it("keeps large amounts within their boxes", async () => {
  const { page } = await on.operator();
  const sums = {
    requests: 123_456_789,
    inputTokens: 9e13,
    cacheReadTokens: 1e12,
    cacheWriteTokens: 3,
    outputTokens: 5e12,
  };
  const large = { ...sums, tokens: 9.5e13, usd: 98_765_432.1, unpricedRequests: 99_999 };
  await page.route("**/api/v1/usage?*", async (route) => {
    const body = await (await route.fetch()).json();
    await route.fulfill({
      json: { ...body, rows: [{ key: "hr-faq", name: "w".repeat(100), ...large }], total: large },
    });
  });
  await page.route("**/api/v1/overview?*", async (route) => {
    const body = await (await route.fetch()).json();
    await route.fulfill({ json: { ...body, month: { ...body.month, usd: 123_456_789_012.5 } } });
  });
  const beyond = `[...document.querySelectorAll("main table, .figures dd")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > innerWidth)
    .map((one) => one.outerHTML.slice(0, 80))`;
  for (const width of [390, 1_280]) {
    await page.setViewportSize({ width, height: 844 });
    await visit(page, on.stand.target, "usage");
    await page.getByRole("row", { name: /wwww/ }).waitFor();
    expect([width, await page.evaluate(beyond)]).toEqual([width, []]);
    expect(await page.getByText("90T", { exact: true }).getAttribute("title")).toBe("90,000,000,000,000");
    await visit(page, on.stand.target, "overview");
    await page.reload();
    await page.getByText("$123,456,789,012.50").waitFor();
    expect([width, await page.evaluate(beyond)]).toEqual([width, []]);
  }
});

it("has its menu apart from the places on a touched screen, and closes it with any of them", async () => {
  const { target, key } = on.stand;
  const viewport = { width: 390, height: 844 };
  const { page } = await on.person(target.origin, { viewport, hasTouch: true, isMobile: true });
  await signIn(page, target, key);
  const menu = named(page, "button", "Menu");
  await menu.click();
  const place = named(page, "link", "Overview");
  const [above, below] = [await menu.boundingBox(), await place.boundingBox()];
  expect(below!.y).toBeGreaterThanOrEqual(above!.y + above!.height);
  await place.click();
  await place.waitFor({ state: "hidden" });
});

it("has some room between the first steps and the figures", async () => {
  const { page } = await on.operator();
  await page.getByText("From nothing to a metered answer").waitFor();
  const steps = await page.locator(".section.card").boundingBox();
  const figures = await page.locator(".figures").boundingBox();
  expect(figures!.y - steps!.y - steps!.height).toBeGreaterThan(8);
});

it("says which day is which in the filter of the trail", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "audit");
  for (const label of ["From (UTC)", "To (UTC)"]) await page.locator("label", { hasText: label }).waitFor();
});

it.each([
  ["keys/new", "**/provisioning/ai-providers", "dialog"],
  ["health", "**/provisioning/ai-providers", "main"],
  ["health", "**/provisioning/prices?*", "main"],
  ["providers", "**/provisioning/ai-providers/*/health", "main"],
])("says on %s what could not be asked of %s", async (place, path, where) => {
  const { page } = await on.operator();
  await page.route(path, (route) => route.fulfill({ status: 503, json: { code: "busy", detail: "It is away." } }));
  await visit(page, on.stand.target, place);
  await page.reload();
  await page.locator(where).getByText("It is away.").first().waitFor();
});

it("says where it is not known how many agents a revocation cuts off", async () => {
  const { page } = await on.operator();
  await page.route("**/ai-providers/*/health", (route) =>
    route.fulfill({ status: 503, json: { code: "busy", detail: "It is away." } }),
  );
  await visit(page, on.stand.target, "providers");
  await page.getByRole("button", { name: "Revoke Main Anthropic" }).click();
  await page.getByRole("dialog").getByText("It is away.").waitFor();
});

it("leads to the deliveries before the newest ones", async () => {
  const { target } = on.stand;
  const { page } = await on.person();
  const [id, url] = ["whk_1", "https://hooks.example.org/a"];
  const webhook = { id, url, events: ["key.expiring"], format: "standard", status: "active", source: "api" };
  await page.route("**/provisioning/webhooks", (route) => route.fulfill({ json: { webhooks: [webhook] } }));
  const all = Array.from({ length: 120 }, (_, at) => ({
    messageId: `msg_${at}`,
    type: "key.expiring",
    state: "failed",
    attempts: 1,
    createdAt: "2026-11-30T10:00:00.000Z",
  }));
  await page.route("**/deliveries?*", async (route) => {
    const query = new URL(route.request().url()).searchParams;
    const from = Number(query.get("cursor") ?? 0);
    const deliveries = all.slice(from, from + Number(query.get("limit")));
    const next = from + deliveries.length;
    await route.fulfill({ json: { deliveries, ...(next < all.length && { nextCursor: String(next) }) } });
  });
  await signIn(page, target, target.adminToken);
  await visit(page, target, `alerts/${id}`);
  await page.getByRole("row", { name: /msg_0\b/ }).waitFor();
  await named(page, "button", "Next page").click();
  await page.getByRole("row", { name: /msg_50\b/ }).waitFor();
  await page.reload();
  await page.getByRole("row", { name: /msg_50\b/ }).waitFor();
  await named(page, "button", "First page").click();
  await page.getByRole("row", { name: /msg_0\b/ }).waitFor();
});

it("orders a list and chooses all of it on a narrow screen too, with room for a finger", async () => {
  const { target, key } = on.stand;
  const labels = { tenant: "acme", plan: "pro", stage: "live" };
  await ask(target, "PATCH", "/agents/hr-faq", { key, body: { labels } });
  const { page } = await on.person(target.origin, { viewport: { width: 360, height: 740 } });
  await signIn(page, target, key);
  await visit(page, target, "agents");
  await page.getByLabel("Choose all on this page").check();
  expect(await page.getByLabel("Choose hr-faq").isChecked()).toBe(true);
  await named(page, "button", /^Agent/).click();
  await expect.poll(() => page.url()).toContain("sort=-name");
  await page.getByRole("columnheader", { name: "Agent" }).and(page.locator("[aria-sort=descending]")).waitFor();
  expect(await violations(page)).toEqual([]);
  // A list without an order has no row for one.
  await visit(page, target, "keys");
  await page.locator("tbody tr").first().waitFor();
  expect(await page.getByRole("table").first().locator("thead").isVisible()).toBe(false);
});
