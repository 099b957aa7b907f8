import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const executablePath = process.env.CHROMIUM || "/usr/bin/chromium";
/** A browser that asks nobody but the server under test. */
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Watched {
  page: Page;
  /** Errors of the console, violations of the policy, and requests to another origin, as they come. */
  faults: string[];
  /** `GET /api/v1/agents`, as they come. */
  asked: string[];
}

export interface TestBrowser {
  /** A person with a browser of its own. */
  person(origin: string, options?: BrowserContextOptions): Promise<Watched & { context: BrowserContext }>;
  close(): Promise<void>;
}

export async function openBrowser(): Promise<TestBrowser> {
  const directory = await mkdtemp(join(tmpdir(), "openclaw-chromium-"));
  const browser = await chromium.launch({ executablePath, args, headless: true });
  return {
    async person(origin, options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: "en", ...options });
      const page = await context.newPage();
      return { context, page, ...(await watch(page, context, origin)) };
    },
    async close() {
      await browser.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function watch(page: Page, context: BrowserContext, origin: string): Promise<Omit<Watched, "page">> {
  const faults: string[] = [];
  const asked: string[] = [];
  await context.route("**/*", async (route) => {
    const url = new URL(route.request().url());
    if (url.origin === origin || url.protocol === "data:" || url.protocol === "blob:") return await route.continue();
    faults.push(`off-origin: ${url.href}`);
    await route.abort();
  });
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.includes("/api/")) asked.push(`${request.method()} ${pathname}`);
  });
  page.on("console", (message) => {
    // A refusal that the page shows is also in the browser's own console.
    if (message.type() === "error" && !/status of (4\d\d|503)/.test(message.text())) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  return { faults, asked };
}
