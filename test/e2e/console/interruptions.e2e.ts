import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { ask, makeKey } from "../../contract/target.ts";
import { operatorsOnNode } from "./operators-on-node.ts";
import { named, signIn, visit } from "./people.ts";

const on = operatorsOnNode();

const html = { status: 200, contentType: "text/html", body: "<h1>Please sign in to the network</h1>" };

it("says that nothing needs anybody only where every question was answered", async () => {
  const { page } = await on.operator();
  await page.route("**/provisioning/webhooks", (route) =>
    route.fulfill({ status: 503, json: { code: "store_unwritable", detail: "The store does not answer." } }),
  );
  await page.reload();
  await page.getByText("The store does not answer.").waitFor();
  expect(await page.getByText("Nothing needs you.").count()).toBe(0);
});

it("takes a page of something in between for no answer, and for no change made", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "agents/triage");
  await page.route("**/agents/triage/suspend", (route) => route.fulfill(html));
  await named(page, "button", "Suspend").click();
  await page.getByRole("dialog").getByRole("button", { name: "Suspend" }).click();
  await page.getByRole("dialog").getByText("bad_answer").waitFor();
  expect(await page.getByText("triage is suspended.").count()).toBe(0);
  await page.route("**/api/v1/usage?*", (route) => route.fulfill(html));
  await visit(page, on.stand.target, "usage");
  await page.getByText("bad_answer").waitFor();
});

it("shows what was changed while the stream of events was broken", async () => {
  const { target } = on.stand;
  const { page } = await on.operator();
  const { id } = await makeKey(target, { name: "Changed meanwhile" });
  let broken = true;
  let asked = 0;
  await page.route("**/api/v1/events?*", (route) => {
    asked += 1;
    return broken ? route.abort() : route.continue();
  });
  await page.reload();
  await page.getByRole("navigation").waitFor();
  await visit(page, target, "keys");
  const row = page.getByRole("row", { name: /Changed meanwhile/ });
  await row.getByText("active").waitFor();
  await ask(target, "POST", `/provisioning/agent-keys/${id}/revoke`, { key: target.adminToken });
  broken = false;
  const before = asked;
  await expect.poll(() => asked, { timeout: 30_000 }).toBeGreaterThan(before);
  await row.getByText("revoked").waitFor({ timeout: 6_000 });
});

it("shows a new key to whoever presses the back button while it is made, and then goes back", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "keys");
  await named(page, "link", "New key").click();
  await page.getByLabel("Name", { exact: true }).fill("Back while it is made");
  await page.route("**/provisioning/agent-keys", async (route) => {
    if (route.request().method() === "POST") await new Promise((resolve) => setTimeout(resolve, 1_500));
    await route.continue();
  });
  await named(page, "button", "Create key").click();
  await page.waitForTimeout(300);
  await page.goBack();
  await page.getByText(/^ocp_/).waitFor();
  await page.goBack();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("row", { name: /Back while it is made/ }).waitFor();
});

it("says that the server was not told of a sign-out", async () => {
  const { page } = await on.operator();
  await page.route("**/api/v1/console/session", (route) => route.abort());
  await named(page, "button", "Sign out").click();
  await page.getByLabel("Gateway token").waitFor();
  await page.getByText(/could not be told/).waitFor({ timeout: 3_000 });
});

it("tells an event that is on its way from one that there is not", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "audit/1");
  await page.getByText("As it is written").waitFor();
  await page.route("**/provisioning/audit?*cursor=3*", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await route.continue();
  });
  await page.goto(`${on.stand.target.origin}/console/#/audit/2`);
  await page.waitForTimeout(1_000);
  expect(await page.getByText("There is no such event.").count()).toBe(0);
});

it("does not call a link used up that could not be asked about", async () => {
  const { target, key } = on.stand;
  const { body } = await ask(target, "POST", "/console/link", { key });
  const { page } = await on.person();
  await page.route("**/console/session", (route) =>
    route.fulfill({ status: 503, json: { code: "not_ready", detail: "Starting." } }),
  );
  await page.goto(`${target.origin}/console/${new URL(body.link).hash}`);
  await page.getByText("Starting.").waitFor();
  expect(await page.getByText("opens the console no more").count()).toBe(0);
});

it("says in its health that the service does not answer", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "health");
  await page.getByRole("listitem").filter({ hasText: "This service" }).getByText("ok").waitFor();
  await page.route("**/readyz", (route) => route.abort());
  await page.reload();
  await page.getByRole("listitem").filter({ hasText: "This service" }).getByText("failing").waitFor({ timeout: 3_000 });
});

it("connects anew where a stream of events falls silent", async () => {
  const { page } = await on.operator();
  let asked = 0;
  const silent = createServer((_, response) => {
    asked += 1;
    response.writeHead(200, { "content-type": "text/event-stream", "access-control-allow-origin": "*" });
    response.write("retry: 2000\n\n");
  }).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  await page.clock.install();
  await page.route("**/api/v1/events?*", (route) => route.continue({ url: `http://127.0.0.1:${port}/` }));
  await visit(page, on.stand.target, "agents");
  await page.reload();
  await expect.poll(() => asked).toBe(1);
  await page.waitForTimeout(1_000);
  await page.clock.fastForward(59_000);
  await page.waitForTimeout(500);
  expect(asked).toBe(1);
  await page.clock.fastForward(2_000);
  await page.waitForTimeout(500);
  await page.clock.fastForward(31_000);
  await expect.poll(() => asked).toBe(2);
  silent.closeAllConnections();
  silent.close();
});

it("shows the new secret of the very key that its session is of", async () => {
  const { target } = on.stand;
  const { key } = await makeKey(target, { name: "Of this session", scopes: ["provisioning:admin"] });
  const { page } = await on.person();
  await signIn(page, target, key);
  await visit(page, target, "keys");
  await page.getByRole("button", { name: "Rotate Of this session" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
  await page.getByText(/^ocp_/).waitFor();
  await page.waitForTimeout(2_000);
  expect(await page.getByText(/^ocp_/).count()).toBe(1);
  await page.keyboard.press("Escape");
  await page.getByText("The session has ended. Sign in again.").waitFor();
  await signIn(page, target, target.adminToken);
  await page.waitForTimeout(500);
  await page.getByRole("navigation").waitFor();
});

it("goes on with its session once the server answers again, though the page was opened meanwhile", async () => {
  const { page } = await on.operator();
  let isAway = true;
  await page.route("**/api/v1/console/session", (route) => (isAway ? route.abort() : route.continue()));
  await page.reload();
  await page.getByText("The server cannot be asked now.").waitFor();
  isAway = false;
  await named(page, "button", "Try again").click();
  await page.getByRole("navigation").waitFor();
});

it("shows on the page of the trail what others change, whatever it is", async () => {
  const { page } = await on.operator();
  await visit(page, on.stand.target, "audit");
  await page.locator("tbody tr").first().waitFor();
  // The stream of events is there by then.
  await page.waitForTimeout(2_000);
  await makeKey(on.stand.target, { name: "seen in the trail" });
  await page.getByRole("row", { name: /seen in the trail/ }).waitFor({ timeout: 3_000 });
});

it("shows an answer that came after its page was made and before it was painted", async () => {
  const { page } = await on.person();
  let [asked, release] = [() => {}, () => {}];
  const isAsked = new Promise<void>((resolve) => (asked = resolve));
  const isReleased = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/provisioning/webhooks", async (route) => {
    asked();
    await isReleased;
    await route.continue();
  });
  await signIn(page, on.stand.target, on.stand.target.adminToken);
  await isAsked;
  // Effects wait for the next picture, which does not come.
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
  await visit(page, on.stand.target, "alerts");
  await page.getByRole("heading", { name: "Alerts", level: 1 }).waitFor();
  const answered = page.waitForResponse("**/provisioning/webhooks");
  release();
  await answered;
  await page.waitForTimeout(500);
  await page.clock.runFor(1_000);
  await page.getByText("No webhooks yet").waitFor({ timeout: 3_000 });
});

it("shows a trail that grows faster than it is read, and asks for it once a change", async () => {
  const { page } = await on.operator();
  const busy = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "access-control-allow-origin": "*" });
    const data = JSON.stringify({ action: "agent.update", phase: "outcome" });
    // As often as the service looks.
    const timer = setInterval(() => response.write(`event: audit\ndata: ${data}\n\n`), 2_000);
    response.on("close", () => clearInterval(timer));
  }).listen(0, "127.0.0.1");
  await once(busy, "listening");
  const { port } = busy.address() as AddressInfo;
  await page.route("**/api/v1/events?*", (route) => route.continue({ url: `http://127.0.0.1:${port}/` }));
  let asked = 0;
  await page.route("**/provisioning/audit?*", async (route) => {
    const at = ++asked;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const event = { seq: at, id: `e${at}`, time: "2026-11-30T10:00:00.000Z", actor: "cli", action: "agent.update" };
    const record = { ...event, phase: "outcome", outcome: "success", target: `agent-${at}` };
    await route.fulfill({ json: { events: [record] } }).catch(() => undefined);
  });
  await page.reload();
  await visit(page, on.stand.target, "audit");
  const newest = page.getByText(/^agent-\d+$/).first();
  await newest.waitFor({ timeout: 8_000 });
  const before = asked;
  await page.waitForTimeout(6_000);
  expect(asked - before).toBeLessThanOrEqual(4);
  expect(Number((await newest.innerText()).slice("agent-".length))).toBeGreaterThanOrEqual(asked - 2);
  busy.closeAllConnections();
  busy.close();
});
