import { expect, it } from "vitest";
import { allScopes, ask, makeKey } from "../../contract/target.ts";
import { operatorsOnNode } from "./operators-on-node.ts";
import { named, signIn, visit } from "./people.ts";

const on = operatorsOnNode();

const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it("drops with Escape what was typed into a dialog only the second time, and says so", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "keys/new");
  const dialog = page.getByRole("dialog");
  const name = dialog.getByLabel("Name", { exact: true });
  await name.pressSequentially("Typed");
  await page.keyboard.press("Escape");
  await dialog.getByText("Escape once more drops it").waitFor();
  expect(await name.inputValue()).toBe("Typed");
  await name.pressSequentially(", and more");
  await page.keyboard.press("Escape");
  expect(await name.inputValue()).toBe("Typed, and more");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  // Nothing is typed into this one.
  await named(page, "link", "New key").click();
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
});

it("shows the AI key of a new agent to whoever leaves the page while it is made", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "agents/new");
  await page.getByLabel("Name", { exact: true }).fill("Made slowly");
  await page.getByLabel("Show me the AI key once").check();
  await page.route("**/agents/create", async (route) => {
    await soon(4_000);
    await route.continue();
  });
  await named(page, "button", "Create agent").click();
  const asked = page.waitForEvent("dialog");
  const reload = page.reload({ timeout: 1_000 }).catch(() => undefined);
  expect((await asked).type()).toBe("beforeunload");
  await (await asked).dismiss();
  await reload;
  await page.goBack();
  await named(page, "link", "Keys").click();
  await page.getByText(/^ocv_/).waitFor();
  // Once it is shown, the way is free.
  await named(page, "link", "Keys").click();
  await page.getByRole("heading", { name: "Provisioning keys" }).waitFor();
});

it("tells of a refused change whose dialog was closed meanwhile", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "agents/triage");
  await page.route("**/triage/suspend", async (route) => {
    await soon(800);
    await route.fulfill({ status: 503, json: { code: "host_unavailable", detail: "The gateway is away." } });
  });
  await named(page, "button", "Suspend").click();
  await page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("status").getByText("The gateway is away.").waitFor();
});

it("opens the part of a form that is folded over a wrong amount", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "providers/new");
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Key", { exact: true }).fill("sk-ant-typed");
  await dialog.getByText("Default quotas").click();
  await dialog.getByLabel("Tokens a day", { exact: true }).fill("1.5k");
  await dialog.getByText("Default quotas").click();
  await dialog.getByRole("button", { name: "Add provider" }).click();
  await expect
    .poll(() => page.evaluate("document.activeElement.labels?.[0]?.textContent"), { timeout: 3_000 })
    .toBe("Tokens a day");
});

it("takes no empty model for a change, where nothing can take a model away", async () => {
  const { target, key } = on.stand;
  const { page } = await on.operator();
  await visit(page, target, "agents/hr-faq");
  await named(page, "button", "Edit").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Model", { exact: true }).fill("");
  expect(await dialog.getByText("Empty: the host's own default").count()).toBe(0);
  await dialog.getByRole("button", { name: "Edit" }).click();
  await soon(500);
  expect(await dialog.count()).toBe(1);
  expect((await ask(target, "GET", "/agents/hr-faq", { key })).body.model).toBe("claude-sonnet-4-5");
});

it("keeps nowhere what was typed to sign in", async () => {
  const { page, context } = await on.operator();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.locator("h1").click();
  const debug = await context.newCDPSession(page);
  const { result } = await debug.send("Runtime.evaluate", { expression: "HTMLInputElement.prototype" });
  const inputs = async (): Promise<string[]> => {
    await debug.send("HeapProfiler.collectGarbage");
    const { objects } = await debug.send("Runtime.queryObjects", { prototypeObjectId: result.objectId! });
    const functionDeclaration = "function () { return this.map(({ value }) => value); }";
    const shown = { objectId: objects.objectId!, functionDeclaration, returnByValue: true };
    return (await debug.send("Runtime.callFunctionOn", shown)).result.value;
  };
  await expect.poll(inputs, { timeout: 10_000 }).not.toContain(on.stand.key);
  expect(await inputs()).not.toContain(on.stand.target.token);
});

it("leaves nothing of a page below the sign-in for a form that is sent and empty", async () => {
  const { target } = on.stand;
  const { id, key } = await makeKey(target, { scopes: [...allScopes, "provisioning:admin"] });
  const { page } = await on.person();
  await signIn(page, target, key);
  await visit(page, target, "usage");
  await page.getByText("State a price").click();
  await page.getByLabel("Model, or *").fill("claude-z");
  await page.getByLabel("Provider", { exact: true }).fill("anthropic");
  await page.getByLabel("USD for a million input tokens").fill("1");
  await page.getByLabel("USD for a million output tokens").fill("2");
  await named(page, "button", "State price").click();
  await page.getByRole("row", { name: /claude-z/ }).waitFor();
  await ask(target, "POST", `/provisioning/agent-keys/${id}/revoke`, { key: target.adminToken });
  await page.getByText("The session has ended. Sign in again.", { exact: true }).waitFor();
  expect(await page.locator("tr", { hasText: "claude-z" }).count()).toBe(0);
});

it("leaves nothing of a page below the sign-in once the back button took its form away", async () => {
  const { target } = on.stand;
  const { id, key } = await makeKey(target, { scopes: [...allScopes, "provisioning:admin"] });
  const { page } = await on.person();
  await signIn(page, target, key);
  await page.getByText("Signed in as").waitFor();
  await visit(page, target, "agents/new");
  await page.getByLabel("Name", { exact: true }).fill("typed here");
  await ask(target, "POST", `/provisioning/agent-keys/${id}/revoke`, { key: target.adminToken });
  await page.getByText("what you have typed is still there").waitFor();
  await page.getByLabel("Gateway token").fill(target.token);
  await page.goBack();
  await page.getByText("The session has ended. Sign in again.", { exact: true }).waitFor();
  expect(await page.locator(".frame").count()).toBe(0);
});
