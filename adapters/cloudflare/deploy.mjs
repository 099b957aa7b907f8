// `npm run deploy -- [wrangler's options]`: builds the Worker and hands it to wrangler.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildWorker } from "./bundle.mjs";

await buildWorker();

const wrangler = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin/wrangler.js");
const config = fileURLToPath(new URL("wrangler.jsonc", import.meta.url));
const { status } = spawnSync(process.execPath, [wrangler, "deploy", "--config", config, ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { WRANGLER_SEND_METRICS: "false", ...process.env },
});
process.exit(status ?? 1);
