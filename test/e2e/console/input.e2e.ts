import { expect, it } from "vitest";
import { ask } from "../../contract/target.ts";
import { operatorsOnNode } from "./operators-on-node.ts";
import { named, visit } from "./people.ts";

const on = operatorsOnNode();

it("removes no limit for an amount that is no number", async () => {
  const { target, key } = on.stand;
  const { page } = await on.operator();
  await visit(page, target, "agents/triage");
  await named(page, "button", "Quotas").click();
  await page.getByLabel("Tokens a month", { exact: true }).fill("1.000.000");
  await page.getByRole("dialog").getByRole("button", { name: "Quotas" }).click();
  await page.waitForTimeout(1_000);
  const { health } = (await ask(target, "GET", "/agents/triage", { key })).body;
  expect(health.aiKey.quotas).toMatchObject({ maxTokensPerMonth: { limit: 20_000 } });
});

it("keeps what is typed into a filter while others change agents", async () => {
  const { target, key } = on.stand;
  const { page } = await on.operator();
  await visit(page, target, "audit");
  const field = page.getByLabel("Action", { exact: true });
  await field.pressSequentially("agent.up");
  const [answer] = await Promise.all([
    page.waitForResponse(/provisioning\/audit\?/),
    ask(target, "PATCH", "/agents/hr-faq", { key, body: { labels: { plan: "pro" } } }),
  ]);
  await answer.finished();
  await page.waitForTimeout(500);
  expect(await field.inputValue()).toBe("agent.up");
});

it("shows in its field what a list is searched for, after a way back", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "agents?q=triage");
  await page.getByRole("link", { name: "tenant:acme" }).click();
  await page.getByRole("row", { name: /hr-faq/ }).waitFor();
  await page.goBack();
  await page.getByRole("row", { name: /hr-faq/ }).waitFor({ state: "detached" });
  expect(await page.getByRole("searchbox").inputValue()).toBe("triage");
});

it("searches no page but its own", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "agents");
  await page.getByRole("searchbox").fill("tri");
  await visit(page, on.stand.target, "live");
  await page.waitForTimeout(500);
  expect(page.url()).toMatch(/#\/live$/);
});

it("does not drop a typed key without a word", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "agents/triage");
  await named(page, "button", "Onboard").click();
  await page.getByLabel("That key").fill("sk-typed-0000");
  await page.getByRole("dialog").getByRole("button", { name: "Onboard" }).click();
  await page.waitForTimeout(500);
  expect(await page.getByRole("dialog").count()).toBe(1);
});

it("chooses all of a page besides those of another", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "agents?q=hr");
  await page.getByLabel("Choose hr-faq").check();
  await page.getByRole("searchbox").fill("tri");
  await page.getByLabel("Choose triage").waitFor();
  await page.getByLabel("Choose all on this page").check();
  await page.getByText("2 chosen").waitFor();
  await page.getByLabel("Choose all on this page").uncheck();
  await page.getByText("1 chosen").waitFor();
});

it("takes an amount with a comma for its decimals for none", async () => {
  const { target, key } = on.stand;
  const { page } = await on.operator();
  await visit(page, target, "agents/hr-faq");
  await named(page, "button", "Quotas").click();
  await page.getByLabel("USD a month", { exact: true }).fill("0,50");
  await page.getByRole("dialog").getByRole("button", { name: "Quotas" }).click();
  await page.waitForTimeout(1_000);
  const { health } = (await ask(target, "GET", "/agents/hr-faq", { key })).body;
  expect(health.aiKey.quotas.maxUsdPerMonth).toBeUndefined();
  await page.getByLabel("USD a month", { exact: true }).fill("1,250.50");
  await page.getByRole("dialog").getByRole("button", { name: "Quotas" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const { health: after } = (await ask(target, "GET", "/agents/hr-faq", { key })).body;
  expect(after.aiKey.quotas.maxUsdPerMonth.limit).toBe(1250.5);
});

it("makes an agent like one without a key without a key, and overwrites nothing that was typed", async () => {
  const { target, key } = on.stand;
  await ask(target, "POST", "/agents/create", {
    key,
    body: { name: "keyless", model: "claude-haiku-4-5", labels: { plan: "free" } },
  });
  const { page } = await on.operator();
  await page.route("**/api/v1/agents/keyless", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await route.continue();
  });
  await visit(page, target, "agents/new?like=keyless");
  await page.getByLabel("Labels", { exact: true }).fill("plan:pro");
  await page.waitForTimeout(2_500);
  expect(await page.getByLabel("Labels", { exact: true }).inputValue()).toBe("plan:pro");
  expect(await page.getByLabel("Model", { exact: true }).inputValue()).toBe("claude-haiku-4-5");
  expect(await page.getByLabel("AI key of").inputValue()).toBe("");
  await visit(page, target, "agents/new?like=no-such-agent");
  await page.reload();
  await page.getByText("agent_not_found").waitFor();
});

it("changes more agents at once than one call takes, and keeps those chosen that a later call did not come to", async () => {
  const { target, key } = on.stand;
  const agents = Array.from({ length: 30 }, (_, at) => ({ name: `many-${at}` }));
  const made = await ask(target, "POST", "/agents/bulk", { key, body: { action: "create", agents } });
  expect(made.body.results.filter((one: object) => "code" in one)).toEqual([]);
  const { page } = await on.operator();
  const sizes: number[] = [];
  let refuses = true;
  await page.route("**/agents/bulk", async (route) => {
    const { agentIds } = route.request().postDataJSON() as { agentIds: string[] };
    sizes.push(agentIds.length);
    if (refuses && sizes.length === 2) {
      refuses = false;
      return await route.fulfill({ status: 503, json: { code: "store_unwritable", detail: "It is away." } });
    }
    await route.continue();
  });
  await visit(page, target, "agents?q=many-");
  await page.getByLabel("Choose many-7", { exact: true }).waitFor();
  await page.getByLabel("Choose all on this page").check();
  await page.getByText("30 chosen").waitFor();
  await named(page, "button", "Change").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Labels", { exact: true }).fill("batch:one");
  await dialog.getByRole("button", { name: "Change" }).click();
  await dialog.getByText("It is away.").waitFor();
  expect(await dialog.getByRole("heading").textContent()).toBe("Change 10 agents?");
  await dialog.getByRole("button", { name: "Change" }).click();
  await dialog.waitFor({ state: "detached" });
  expect(sizes).toEqual([20, 10, 10]);
  const { body } = await ask(target, "GET", "/agents?label=batch:one&limit=100", { key });
  expect(body.agents).toHaveLength(30);
});
