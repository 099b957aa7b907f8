import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** esbuild's options for `dist/worker.js`, one module with nothing beside it. */
export const workerBundle = {
  entryPoints: [at("worker.ts")],
  outfile: at("../../dist/worker.js"),
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
  logLevel: "warning",
};

/** Of gzip. Ours makes up 58 KB of what there is, zod 28, jose 14, unstorage 3. */
export const workerLimit = 112 * 1024;

/**
 * @param {Uint8Array} code
 * @returns its size in bytes as it is uploaded (gzip)
 */
export function checkWorkerSize(code) {
  const size = gzipSync(code, { level: 9 }).length;
  if (size > workerLimit) throw new Error(`dist/worker.js is ${size} bytes gzipped; at most ${workerLimit} are meant`);
  return size;
}
