import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildConsole } from "../console/bundle.mjs";
import { legalText } from "../legal-text.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The Worker's module, once it is built. */
export const workerPath = at("../../dist/worker.js");

async function bundle(entry) {
  const consoleParts = await buildConsole();
  const { outputFiles, metafile } = await build({
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
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  return { code: outputFiles[0].text, metafiles: [metafile, consoleParts] };
}

/**
 * The Worker as it is uploaded: one ES module.
 *
 * @param {string} [entry] in place of `worker.ts`
 * @returns {Promise<string>} its code
 */
export const bundleWorker = async (entry = at("worker.ts")) => (await bundle(entry)).code;

/**
 * Writes `dist/worker.js`, and the licences of what it took in beside it.
 *
 * @returns {Promise<Record<string, number>>} its bytes
 */
export async function buildWorker() {
  const { code, metafiles } = await bundle(at("worker.ts"));
  await mkdir(dirname(workerPath), { recursive: true });
  await writeFile(workerPath, code);
  await writeFile(`${workerPath}.LEGAL.txt`, await legalText(...metafiles));
  return { "dist/worker.js": Buffer.byteLength(code) };
}
