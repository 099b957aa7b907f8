import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Target } from "../../contract/target.ts";
import { openBrowser, type TestBrowser } from "../console/browser.ts";
import { signIn, visit } from "../console/people.ts";
import { builtPlugin } from "./built-plugin.ts";
import { type Gateway, makeGateway } from "./gateway.ts";

describe("the console inside the gateway", () => {
  let gateway: Gateway;
  let plugin: string;
  let browser: TestBrowser;
  beforeAll(async () => {
    plugin = await builtPlugin();
    gateway = await makeGateway({ env: { OPENCLAW_ADMIN_TOKEN: "admin-token-of-the-console" } });
    await gateway.cli(["plugins", "install", "--link", plugin, "--force", "--accept-capabilities"]);
    await gateway.start();
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
    if (plugin) await rm(plugin, { recursive: true, force: true });
  });

  it("opens by the link of the command, makes an agent, and keeps its own policy", async () => {
    const link = (await gateway.cli(["provisioning", "console"])).trim().split("\n").at(-1)!;
    expect(link).toMatch(/\/console\/#code=occ_/);
    const { page, faults, context } = await browser.person(gateway.url);
    const response = await page.goto(`${gateway.url}/console/${new URL(link).hash}`);
    expect(response?.headers()["content-security-policy"]).toContain("trusted-types 'none'");
    await page.getByRole("navigation").waitFor();
    await page.getByText("the operator").waitFor();
    await visit(page, { origin: gateway.url } as Target, "agents/new");
    await page.getByLabel("Name", { exact: true }).fill("In the gateway");
    await page.getByLabel("Confinement").selectOption("workspace");
    await page.getByLabel("Tools").fill("web_search");
    await page.getByRole("button", { name: "Create agent" }).click();
    await page.getByRole("link", { name: "Open the agent" }).click();
    await page.getByRole("heading", { name: "In the gateway" }).waitFor();
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    const dialog = page.getByRole("dialog");
    expect(await dialog.getByLabel("Confinement").inputValue()).toBe("workspace");
    expect(await dialog.getByLabel("Tools").inputValue()).toBe("web_search");
    await dialog.getByLabel("Confinement").selectOption("trusted");
    await dialog.getByLabel("Tools").fill("web_search web_fetch");
    await dialog.getByLabel("Peers").fill("in-the-gateway-too");
    await dialog.getByRole("button", { name: "Edit" }).click();
    await page.getByText("web_fetch").first().waitFor();
    const shown = JSON.parse(await gateway.cli(["provisioning", "agents", "get", "in-the-gateway", "--json"]));
    expect(shown).toMatchObject({
      confinement: "trusted",
      tools: ["web_search", "web_fetch"],
      peers: ["in-the-gateway-too"],
    });
    await context.close();
    expect(faults).toEqual([]);
  });

  it("takes the gateway's own token", async () => {
    const { page, context } = await browser.person(gateway.url);
    await signIn(page, { origin: gateway.url, token: gateway.token } as Target, "admin-token-of-the-console");
    await page.getByText("the administrator").waitFor();
    await context.close();
  });

  it("has a tab of the Control UI, which the gateway shows to whoever may read there, and to nobody else", async () => {
    const stranger = await fetch(`${gateway.url}/plugins/openclaw-provisioning/summary`);
    expect(stranger.status).toBe(401);
    await stranger.body?.cancel();
    const reader = await fetch(`${gateway.url}/plugins/openclaw-provisioning/summary`, {
      headers: { authorization: `Bearer ${gateway.token}` },
    });
    expect(reader.status).toBe(200);
    expect(reader.headers.get("content-security-policy")).toContain("default-src 'none'");
    const html = await reader.text();
    expect(html).toContain("<b>In the gateway</b>");
    expect(html).not.toMatch(/<script|<a |<form/);
    const { page, faults, context } = await browser.person(gateway.url);
    await page.setContent(html);
    await page.getByRole("heading", { name: "Provisioning" }).waitFor();
    await context.close();
    expect(faults).toEqual([]);
  });

  it("shows that tab in the Control UI, once its user is signed in there", async () => {
    const { page, context } = await browser.person(gateway.url);
    await page.goto(`${gateway.url}/#token=${gateway.token}`);
    // The first visit leads to the set-up of a model, whatever was asked for.
    await page.waitForURL(/model-setup/, { timeout: 60_000 });
    await page.getByText("Back to app").first().click();
    await page.getByText("Provisioning").first().click({ timeout: 30_000 });
    await page.frameLocator("iframe").getByText("In the gateway").waitFor({ timeout: 30_000 });
    expect(page.url()).toBe(`${gateway.url}/provisioning`);
    await context.close();
  });
});
