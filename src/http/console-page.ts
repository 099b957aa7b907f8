import { Problem } from "../errors.ts";
import type { Context } from "../service/context.ts";
import type { Reply } from "./call.ts";

/** The page's script and styles, each with a hash that names it. */
export interface ConsoleAssets {
  script: string;
  styles: string;
  scriptHash: string;
  stylesHash: string;
}

/** No code but the page's own file runs, nothing is sent elsewhere, and no other page may frame it. */
const pageHeaders = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
};

const immutable = "public, max-age=31536000, immutable";

/**
 * Answers at the console's path, for anybody: the page has no authority and holds no data.
 * @returns `undefined` for a path that is not the console's
 * @throws Problem `not_found` for a file that the page does not have, such as one of another release
 */
export async function consoleReply(
  { settings }: Context,
  load: () => Promise<ConsoleAssets>,
  request: Request,
): Promise<Reply | undefined> {
  const { pathname, search } = new URL(request.url);
  const { basePath, console: page } = settings.provisioning;
  if (!page.enabled) return undefined;
  // From the root, so that a prefix that a reverse proxy cuts off stays in the address.
  if (pathname === "/" && search === "") return redirect(`.${page.path}/`);
  if (pathname === page.path) return redirect(`./${page.path.split("/").at(-1)}/`);
  if (!pathname.startsWith(`${page.path}/`)) return undefined;
  const assets = await load();
  const file = pathname.slice(page.path.length + 1);
  if (file === `app.${assets.scriptHash}.js`) return asset(assets.script, "text/javascript");
  if (file === `app.${assets.stylesHash}.css`) return asset(assets.styles, "text/css");
  if (file !== "") {
    throw new Problem("not_found", "The console has no such file; reload the page, which may be of another release.");
  }
  const etag = `"${assets.scriptHash}${assets.stylesHash}${basePath}"`;
  const headers = { ...pageHeaders, etag, "cache-control": "no-cache", "content-type": "text/html; charset=utf-8" };
  if (request.headers.get("if-none-match") === etag) return { status: 304, headers };
  const root = "../".repeat(page.path.split("/").length - 1);
  return { status: 200, headers, body: pageHtml(assets, root, `${root}${basePath.slice(1)}`) };
}

const redirect = (location: string): Reply => ({ status: 307, headers: { location, "cache-control": "no-store" } });

const asset = (body: string, type: string): Reply => ({
  status: 200,
  body,
  headers: { ...pageHeaders, "cache-control": immutable, "content-type": `${type}; charset=utf-8` },
});

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%23b4461f'/%3E%3Cpath d='M5 12V4h3.6a2.6 2.6 0 0 1 0 5.2H5' fill='none' stroke='%23fff' stroke-width='1.8'/%3E%3C/svg%3E";

const pageHtml = ({ scriptHash, stylesHash }: ConsoleAssets, root: string, api: string): string => `<!doctype html>
<html lang="en" data-root="${root}" data-api="${api}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Provisioning</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="app.${stylesHash}.css">
<script defer src="app.${scriptHash}.js"></script>
<div id="app"></div>
<noscript>The console needs JavaScript. The API and the command line do not.</noscript>
</html>
`;
