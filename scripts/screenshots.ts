/** `npm run screenshots`: every page of the console, light and dark, and a tour of it, under `docs/images`. */
import { mkdir, writeFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { nodeTarget } from "../test/contract/node-target.ts";
import { contractConfig } from "../test/contract/target.ts";
import { openBrowser } from "../test/e2e/console/browser.ts";
import { signIn, visit } from "../test/e2e/console/people.ts";
import { startSampleUpstream } from "../test/upstream/sample-upstream.ts";
import { animate } from "./screenshots/animate.ts";
import { furnish } from "./screenshots/furnish.ts";

const folder = "docs/images";
const size = { width: 1120, height: 720 };
const settleMs = 700;

const places: Record<string, string> = {
  overview: "overview",
  agents: "agents",
  agent: "agents/contract-review",
  "new-agent": "agents/new?like=contract-review",
  keys: "keys",
  providers: "providers",
  usage: "usage?by=label%3Atenant",
  audit: "audit",
  live: "live",
  health: "health",
  "my-key": "key",
};

const shoot = async (page: Page): Promise<Buffer> => {
  // The events' stream is open all the time: the network is never idle.
  await page.waitForTimeout(settleMs);
  return await page.screenshot();
};

await mkdir(folder, { recursive: true });
const upstream = await startSampleUpstream();
// Records alone: no path of this machine is in a picture.
const provisioning = {
  ...contractConfig.gateway.provisioning,
  host: { kind: "registry" },
  webhooks: { allow: [new URL(upstream.origin).host] },
};
const target = await nodeTarget({ config: { ...contractConfig, gateway: { provisioning } } });
const { key, webhookId } = await furnish(target, upstream);
const browser = await openBrowser();
try {
  for (const colorScheme of ["light", "dark"] as const) {
    const { page, context } = await browser.person(target.origin, { colorScheme, viewport: size });
    await page.goto(`${target.origin}/console/`);
    await page.getByLabel("Gateway token").waitFor();
    await writeFile(`${folder}/console-sign-in-${colorScheme}.png`, await shoot(page));
    await signIn(page, target, key);
    for (const [name, place] of Object.entries({ ...places, alerts: `alerts/${webhookId}` })) {
      await visit(page, target, place);
      await writeFile(`${folder}/console-${name}-${colorScheme}.png`, await shoot(page));
    }
    await context.close();
  }
  const phone = await browser.person(target.origin, {
    viewport: { width: 390, height: 720 },
    isMobile: true,
    hasTouch: true,
  });
  await signIn(phone.page, target, key);
  await writeFile(`${folder}/console-phone-light.png`, await shoot(phone.page));
  await phone.context.close();
  await writeFile(`${folder}/console-tour.png`, animate(await tour()));
} finally {
  await browser.close();
  await target.close();
  await upstream.close();
}

/** Twenty seconds: who is near a limit, one agent, a higher quota, and the trail of it. */
async function tour(): Promise<{ png: Buffer; ms: number }[]> {
  const frames: { png: Buffer; ms: number }[] = [];
  const { page, context } = await browser.person(target.origin, { viewport: { width: 960, height: 600 } });
  const frame = async (ms: number) => void frames.push({ png: await shoot(page), ms });
  await signIn(page, target, key);
  await frame(3_000);
  await visit(page, target, "agents");
  await frame(2_500);
  await page.getByRole("searchbox").fill("review");
  await frame(2_000);
  await page.getByRole("link", { name: "Contract review" }).click();
  await frame(2_500);
  await page.getByRole("button", { name: "Quotas" }).click();
  await page.getByLabel("Tokens a month").fill("100000");
  await frame(2_500);
  await page.getByRole("dialog").getByRole("button", { name: "Quotas" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await frame(2_500);
  await visit(page, target, "audit");
  await page.getByRole("button", { name: "Verify chain" }).click();
  await frame(3_000);
  await visit(page, target, "usage?by=label%3Atenant");
  await frame(2_000);
  await context.close();
  return frames;
}
