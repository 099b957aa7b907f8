import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { bundleConsole } from "../../adapters/console/bundle.mjs";
import { type ConsoleAssets, consoleReply } from "../../src/http/console-page.ts";
import type { Context } from "../../src/service/context.ts";
import { parseSettings } from "../../src/settings.ts";

const assets: ConsoleAssets = { script: "script", styles: "styles", scriptHash: "aaaa", stylesHash: "bbbb" };
const load = async () => assets;
const contextWith = (provisioning: object) =>
  ({ settings: parseSettings({ gateway: { provisioning } }, "test") }) as unknown as Context;
const ask = (path: string, provisioning: object = {}, headers: Record<string, string> = {}) =>
  consoleReply(contextWith(provisioning), load, new Request(`http://localhost${path}`, { headers }));

describe("the page", () => {
  it("runs no code but its own file, goes nowhere else, and is framed by nobody", async () => {
    const { headers = {}, body } = (await ask("/console/"))!;
    expect(headers["content-security-policy"]).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    );
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "no-cache",
      "content-type": "text/html; charset=utf-8",
    });
    expect(body).not.toMatch(/<script(?![^>]* src=)|<style|style=|\son\w+=/);
    expect(body).toContain('data-api="../api/v1"');
  });

  it("is asked for again only where it has changed", async () => {
    const { headers = {} } = (await ask("/console/"))!;
    expect(await ask("/console/", {}, { "if-none-match": headers.etag! })).toMatchObject({ status: 304 });
    expect(await ask("/console/", {}, { "if-none-match": '"other"' })).toMatchObject({ status: 200 });
    // The page says where the API is.
    const moved = { basePath: "/agents-api" };
    expect(await ask("/console/", moved, { "if-none-match": headers.etag! })).toMatchObject({ status: 200 });
  });

  it("has files that never change, and none of another release", async () => {
    expect(await ask("/console/app.aaaa.js")).toMatchObject({
      body: "script",
      headers: {
        "cache-control": "public, max-age=31536000, immutable",
        "content-type": "text/javascript; charset=utf-8",
      },
    });
    expect(await ask("/console/app.bbbb.css")).toMatchObject({ body: "styles" });
    await expect(ask("/console/app.cccc.js")).rejects.toMatchObject({ code: "not_found" });
    await expect(ask("/console/../secrets")).resolves.toBeUndefined();
  });

  it("lies where the settings say, also below a path that a reverse proxy cuts off", async () => {
    const settings = { console: { path: "/ops/console" }, basePath: "/agents-api" };
    expect(await ask("/", settings)).toMatchObject({ status: 307, headers: { location: "./ops/console/" } });
    expect(await ask("/ops/console", settings)).toMatchObject({ headers: { location: "./console/" } });
    expect((await ask("/ops/console/", settings))?.body).toContain('data-api="../../agents-api"');
    expect(await ask("/console/", settings)).toBeUndefined();
  });

  it("finds its server from there", async () => {
    const { body } = (await ask("/ops/console/", { console: { path: "/ops/console" } }))!;
    const root = String(body).match(/ data-root="([^"]*)"/)?.[1];
    vi.stubGlobal("document", { documentElement: { dataset: { root } } });
    vi.stubGlobal("location", { href: "https://agents.example/below/ops/console/#/agents?q=a" });
    // Typed for a browser, unlike this file.
    const state = "../../src/console/state/api.ts";
    const { serverRoot } = await import(state);
    expect(serverRoot()).toBe("https://agents.example/below");
    vi.unstubAllGlobals();
  });

  it("is not there where it is switched off", async () => {
    for (const path of ["/", "/console", "/console/"])
      expect(await ask(path, { console: { enabled: false } })).toBeUndefined();
  });
});

describe("what the browser gets", () => {
  let bundle: Awaited<ReturnType<typeof bundleConsole>>;
  beforeAll(async () => {
    bundle = await bundleConsole();
  });

  it("is within its budget", () => {
    const size = (text: string) => gzipSync(text, { level: 9 }).length;
    expect(size(bundle.script)).toBeLessThanOrEqual(42 * 1024);
    expect(size(bundle.styles)).toBeLessThanOrEqual(6 * 1024);
  });

  it("takes nothing along from the server but what is pure", () => {
    const ours = Object.keys(bundle.metafile.inputs).filter((path) => !path.includes("node_modules"));
    expect(ours.filter((path) => !/src\/(console\/|domain\/|client\/event-stream\.ts)/.test(path))).toEqual([]);
    const libraries = Object.keys(bundle.metafile.inputs).filter((path) => path.includes("node_modules"));
    expect(libraries.filter((path) => !path.includes("node_modules/preact/"))).toEqual([]);
  });

  it("sets no style and no markup from text, and evaluates none", () => {
    const folder = join(import.meta.dirname, "../../src/console");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));
    expect(files.length).toBeGreaterThan(30);
    for (const name of files) {
      const source = readFileSync(join(folder, name), "utf8");
      expect([
        name,
        source.match(/style=|innerHTML|dangerously|\beval\(|new Function|document\.write|localStorage/),
      ]).toEqual([name, null]);
    }
  });
});
