import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildConsole } from "../console/bundle.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Where the Worker's module stands once it is built. */
export const workerPath = at("../../dist/worker.js");

/**
 * The Worker as it is uploaded: one ES module.
 *
 * @param {string} [entry] in place of `worker.ts`
 * @returns {Promise<string>} its code
 */
export async function bundleWorker(entry = at("worker.ts")) {
  await buildConsole();
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    target: "es2024",
    external: ["cloudflare:*"],
    legalComments: "none",
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0].text;
}

/**
 * Writes `dist/worker.js`.
 *
 * @returns {Promise<Record<string, number>>} its bytes
 */
export async function buildWorker() {
  const code = await bundleWorker();
  await mkdir(dirname(workerPath), { recursive: true });
  await writeFile(workerPath, code);
  return { "dist/worker.js": Buffer.byteLength(code) };
}
