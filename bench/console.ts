/** The console with ten thousand agents, in Debian's Chromium: calls of a page, and from an interaction to its paint. */
import type { Page } from "playwright-core";
import { nodeTarget } from "../test/contract/node-target.ts";
import { openBrowser } from "../test/e2e/console/browser.ts";
import { signIn, visit } from "../test/e2e/console/people.ts";
import { addAgents } from "./fleet.ts";
import { addUsedAgent } from "./overview.ts";
import { median, type Row } from "./row.ts";

const agents = 10_000;
const turns = 10;
/** Calls of the first page alone, whichever that is: the console's own, beside those of the page. */
const once = /\/(events|console\/session|provisioning\/agent-keys|readyz)$/;

/** Each page with something that is there once its data is. */
const pages: Record<string, string> = {
  overview: ".figures",
  agents: "tbody tr",
  usage: "tbody tr",
  audit: "tbody tr",
};

/** The browser's own entries: https://www.w3.org/TR/event-timing/. Shorter ones than 16 ms have none. */
const observe = `
  window.interactions = [];
  new PerformanceObserver((list) => {
    for (const { interactionId, name, duration } of list.getEntries())
      if (interactionId > 0) window.interactions.push([interactionId, name, duration]);
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
`;

const interactions: Record<string, (page: Page, turn: number) => Promise<void>> = {
  async "search as it is typed"(page, turn) {
    await page.locator("input[type=search]").pressSequentially(`agent ${turn}`, { delay: 60 });
    await page.locator("input[type=search]").fill("");
  },
  async "sort by a column"(page) {
    await page.locator("thead button").first().click();
    await page.locator("tbody tr").first().waitFor();
  },
  async "tick an agent"(page) {
    const box = page.locator("tbody input[type=checkbox]").first();
    await box.click();
    await box.click();
  },
  async "go to another page and back by keyboard"(page) {
    await page.evaluate("document.activeElement?.blur()");
    for (const key of ["g", "o", "g", "a"]) await page.keyboard.press(key, { delay: 20 });
    await page.locator("tbody tr").first().waitFor();
  },
};

export async function benchConsole(): Promise<Row[]> {
  const target = await nodeTarget();
  const browser = await openBrowser();
  try {
    await addAgents(target.context, agents, addUsedAgent);
    const { page, asked } = await browser.person(target.origin);
    await page.addInitScript(observe);
    await signIn(page, target, target.adminToken);
    const rows: Row[] = [];
    for (const [name, shown] of Object.entries(pages)) {
      const before = asked.length;
      await visit(page, target, name);
      await page.locator(shown).first().waitFor();
      const calls = asked.slice(before).filter((call) => !once.test(call));
      rows.push({
        name: `${name}: calls of the API`,
        value: calls.length,
        unit: "",
        ...(name === "agents" && { aim: "1" }),
      });
    }
    await visit(page, target, "agents");
    for (const [name, act] of Object.entries(interactions)) {
      const worst: number[] = [];
      for (let turn = 0; turn < turns; turn++) {
        await page.evaluate("window.interactions = []");
        await act(page, turn);
        // An entry comes after its paint.
        await page.evaluate("new Promise((done) => setTimeout(done, 300))");
        const seen = (await page.evaluate("window.interactions")) as [number, string, number][];
        worst.push(Math.max(16, ...seen.map(([, , duration]) => duration)));
      }
      rows.push(
        { name: `${name}: to the next paint, median`, value: median(worst), unit: "ms", aim: "< 100" },
        { name: `${name}: to the next paint, worst`, value: Math.max(...worst), unit: "ms" },
      );
    }
    return rows;
  } finally {
    await browser.close();
    await target.close();
  }
}
