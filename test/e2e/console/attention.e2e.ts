import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { ask, makeKey } from "../../contract/target.ts";
import { operatorsOnNode } from "./operators-on-node.ts";
import { named, signIn, visit } from "./people.ts";

const on = operatorsOnNode();

const focusedText = `document.activeElement.tagName + ": " + document.activeElement.textContent.trim().slice(0, 40)`;
const event = { at: "2026-11-30T10:00:00.000Z", requests: 7, tokens: 70, denied: 0, agents: [] };
const activity = `event: activity\ndata: ${JSON.stringify(event)}\n\n`;
const isLost = `document.activeElement === document.body`;

it("keeps the focus on a button that is busy", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "audit");
  await page.route("**/provisioning/audit/verify", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await route.continue();
  });
  const verify = named(page, "button", "Verify chain");
  await verify.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("progressbar").waitFor();
  expect(await page.evaluate(focusedText)).toBe("BUTTON: Verifying");
  // A second press asks nothing.
  await page.keyboard.press("Enter");
  await page.getByText(/^Whole: /).waitFor();
  expect(await page.evaluate(focusedText)).toBe("BUTTON: Verify chain");
});

it("keeps the focus in a form that is refused, and in what comes in its place", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "keys/new");
  await page.getByLabel("Name", { exact: true }).fill("k".repeat(200));
  const create = page.getByRole("dialog").getByRole("button", { name: "Create key" });
  await create.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  expect(await page.evaluate(focusedText)).toBe("BUTTON: Create key");
  await page.getByLabel("Name", { exact: true }).fill("Focused");
  await create.focus();
  await page.keyboard.press("Enter");
  await page.getByText(/^ocp_/).waitFor();
  expect(await page.evaluate(isLost)).toBe(false);
  await page.keyboard.press("Escape");
});

it("keeps the focus near a button that went away with what it did", async () => {
  const { target } = on.stand;
  await makeKey(target, { name: "Soon revoked" });
  const { page } = await on.operator();
  await visit(page, target, "keys");
  await page.getByRole("button", { name: "Revoke Soon revoked" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).focus();
  await page.keyboard.press("Enter");
  await page
    .getByRole("row", { name: /Soon revoked/ })
    .getByText("revoked", { exact: true })
    .waitFor();
  await page.waitForTimeout(300);
  const row = await page.evaluate(
    `document.activeElement.closest("tr")?.textContent ?? document.activeElement.tagName`,
  );
  expect(row).toContain("Soon revoked");
});

it("says since when its figures are old, and connects anew once there is a network", async () => {
  const { page, context } = await on.operator();
  await visit(page, on.stand.target, "live");
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByText("in the last two minutes").first().waitFor();
  // The stream of a stand is cut by its own end alone; the next one finds no network.
  let streams = 0;
  let broken = true;
  await page.route("**/api/v1/events?*activity*", (route) => {
    streams += 1;
    if (streams === 1) return route.fulfill({ contentType: "text/event-stream", body: activity });
    return broken ? route.abort() : route.continue();
  });
  await page.reload();
  await page.getByText(/^No connection since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/).waitFor();
  await page.getByText("in the two minutes before").first().waitFor();
  expect(await page.getByText("live", { exact: true }).count()).toBe(0);
  await expect.poll(() => streams, { timeout: 15_000 }).toBeGreaterThan(3);
  broken = false;
  await context.setOffline(true);
  await context.setOffline(false);
  await page.getByText("live", { exact: true }).waitFor({ timeout: 1_500 });
  await page.getByText(/^No connection/).waitFor({ state: "detached" });
  // The requests from before the gap are older than two minutes.
  await page.locator(".figures dd", { hasText: "7" }).waitFor({ state: "detached", timeout: 6_000 });
});

it("says since when its figures are old where the stream falls silent without an end", async () => {
  const { page } = await on.operator();
  const silent = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "access-control-allow-origin": "*" });
    response.write(activity);
  }).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  await page.route("**/api/v1/events?*activity*", (route) => route.continue({ url: `http://127.0.0.1:${port}/` }));
  await visit(page, on.stand.target, "live");
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByText(/^No connection since/).waitFor({ timeout: 15_000 });
  expect(await page.getByText("live", { exact: true }).count()).toBe(0);
  silent.closeAllConnections();
  silent.close();
});

it("shows what was done above a dialog that stays open, where it is read out", async () => {
  const { target, key } = on.stand;
  await ask(target, "POST", "/agents/create", { key, body: { name: "has no key" } });
  const { page } = await on.operator();
  await visit(page, target, "agents");
  await page.getByLabel("Choose translator").check();
  await page.getByLabel("Choose has-no-key").check();
  await named(page, "button", "Suspend").click();
  await page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
  await page.getByText("Not done for 1").waitFor();
  const toast = page.locator(".toast", { hasText: "Done for 1." });
  await toast.waitFor();
  const seen = await page.evaluate(`(() => {
    const box = document.querySelector(".toast").getBoundingClientRect();
    return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2).className;
  })()`);
  const inDialog = await toast.evaluate((one) => one.closest("dialog") !== null);
  await ask(target, "POST", "/agents/translator/resume", { key });
  expect([seen, inDialog]).toEqual(["toast", true]);
});

it("offers no resumption of an agent whose end has come", async () => {
  const { target, key } = on.stand;
  const made = await ask(target, "POST", "/agents/create", {
    key,
    body: {
      name: "ended",
      model: "claude-sonnet-4-5",
      autoProvisionAiKey: { provider: "anthropic" },
      expiresAt: new Date(Date.now() + 1_500).toISOString(),
    },
  });
  expect(made.status).toBe(201);
  await new Promise((resolve) => setTimeout(resolve, 1_600));
  const { page } = await on.operator();
  await visit(page, target, "agents/ended");
  await named(page, "button", "Edit").waitFor();
  expect(await named(page, "button", "Resume").count()).toBe(0);
  await page.getByText(/give it a later end/).waitFor();
});

it("offers nothing for an agent that another operator deletes", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "agents/hr-faq");
  await named(page, "button", "Edit").waitFor();
  const problem = { code: "agent_not_found", detail: "There is no agent hr-faq." };
  await page.route("**/api/v1/agents/hr-faq", (route) => route.fulfill({ status: 404, json: problem }));
  await page.getByText("agent_not_found").waitFor();
  expect(await named(page, "button", "Edit").count()).toBe(0);
  expect(await named(page, "button", "Suspend").count()).toBe(0);
});

it("counts no call as use that the page makes while nobody is there", async () => {
  const { page } = await on.operator();
  await page.clock.install();
  await visit(page, on.stand.target, "agents");
  await page.reload();
  await page.getByRole("row", { name: /hr-faq/ }).waitFor();
  const call = async () => {
    const request = await page.waitForRequest(/api\/v1\/agents/);
    return request.headers()["x-console-unattended"];
  };
  expect(await call()).toBeUndefined();
  await page.clock.fastForward(61_000);
  expect(await call()).toBe("1");
  await page.keyboard.press("Shift");
  expect(await call()).toBeUndefined();
});

it("keeps what is typed where the session ends, for the same person alone", async () => {
  const { target } = on.stand;
  const { key } = await makeKey(target, { name: "Typist" });
  const { page } = await on.person();
  await signIn(page, target, key);
  const session = async () =>
    String(await page.evaluate('sessionStorage.getItem("provisioning.session")')).split("_")[1];
  const end = async () =>
    await ask(target, "POST", `/provisioning/sessions/${await session()}/revoke`, { key: target.adminToken });
  const again = async (withKey: string) => {
    await page.getByText(/^The session has ended. Sign in again/).waitFor();
    await page.getByLabel("Gateway token").fill(target.token);
    await page.getByLabel("Provisioning key").fill(withKey);
    await page.getByRole("button", { name: /^Sign in/ }).click();
    await page.getByLabel("Gateway token").waitFor({ state: "detached" });
  };
  await visit(page, target, "agents/triage");
  await named(page, "button", "Edit").click();
  await page.getByLabel("Labels", { exact: true }).fill("tenant:acme plan:typed");
  expect((await end()).status).toBe(200);
  await again(key);
  await page.getByRole("dialog", { name: "Edit: triage" }).waitFor();
  expect(await page.getByLabel("Labels", { exact: true }).inputValue()).toBe("tenant:acme plan:typed");
  await page.getByRole("dialog").getByRole("button", { name: "Edit" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect((await ask(target, "GET", "/agents/triage", { key })).body.labels.plan).toBe("typed");
  await page.clock.install();
  await visit(page, target, "agents/new");
  await page.reload();
  await page.getByLabel("Name", { exact: true }).fill("Not for others");
  expect((await end()).status).toBe(200);
  // The form asks nothing by itself, and says so all the same.
  await page.clock.fastForward(31_000);
  await again(target.adminToken);
  await page.getByLabel("Name", { exact: true }).waitFor();
  expect(await page.getByLabel("Name", { exact: true }).inputValue()).toBe("");
});

it("leaves the focus, once a form over a list is closed, where it was opened", async () => {
  const { page } = await on.operator();
  for (const [place, link] of [
    ["keys", "New key"],
    ["providers", "Add provider"],
  ] as const) {
    await visit(page, on.stand.target, place);
    await named(page, "link", link).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.waitForTimeout(300);
    expect(await page.evaluate(focusedText)).toBe(`A: ${link}`);
  }
});

it("names nothing of what was there in the title of the sign-in", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "agents/hr-faq");
  await expect.poll(() => page.title()).toBe("hr-faq · Provisioning");
  await named(page, "button", "Sign out").click();
  await page.getByLabel("Gateway token").waitFor();
  await expect.poll(() => page.title()).toBe("Provisioning");
});
