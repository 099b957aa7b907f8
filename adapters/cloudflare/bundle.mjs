import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** What the modules' names are relative to. */
export const workerRoot = at("../../dist");

/**
 * Bytes of gzip. `start` is what every isolate evaluates, `whole` what is uploaded: with it what is loaded when it is
 * first needed (the OpenAPI document, JWTs, the providers' management APIs, the remote host).
 */
export const workerLimits = { start: 60 * 1024, whole: 90 * 1024 };

/**
 * The modules as they are uploaded. `worker.js`, the first, is the entry; it holds what workerd looks for and nothing
 * else. Rolldown rather than esbuild, with which the start is 69 KB: what two modules share goes into further ones.
 *
 * @param {string} [entry] in place of `worker.ts`
 * @returns {Promise<{ name: string, code: string, start: boolean }[]>} `start`: evaluated at once
 */
export async function bundleWorker(entry = at("worker.ts")) {
  const bundle = await rolldown({
    input: { worker: entry },
    platform: "neutral",
    external: /^cloudflare:/,
    resolve: { mainFields: ["module", "main"], conditionNames: ["workerd", "worker", "browser", "import"] },
    // workerd takes every export of the entry for a handler.
    preserveEntrySignatures: "strict",
  });
  const { output } = await bundle.generate({
    format: "esm",
    minify: true,
    comments: false,
    entryFileNames: "[name].js",
    chunkFileNames: "worker/[name].js",
    codeSplitting: {
      groups: [
        { name: "start", tags: ["$initial"] },
        { name: "jose", test: /\/node_modules\/jose\// },
        { name: "providers", test: /\/src\/providers\// },
      ],
    },
  });
  await bundle.close();
  const [main, ...others] = output.sort((a, b) => Number(b.isEntry) - Number(a.isEntry));
  return [main, ...others].map((chunk) => ({
    name: chunk.fileName,
    code: chunk.code,
    start: chunk === main || main.imports.includes(chunk.fileName),
  }));
}

const gzipped = (modules) => modules.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0);

/** @throws Error where the modules are more than is meant */
export function checkWorkerSize(modules) {
  const sizes = { start: gzipped(modules.filter(({ start }) => start)), whole: gzipped(modules) };
  for (const [part, limit] of Object.entries(workerLimits)) {
    if (sizes[part] <= limit) continue;
    throw new Error(`the Worker is ${sizes[part]} bytes gzipped (${part}); at most ${limit} are meant`);
  }
  return sizes;
}

/**
 * Writes `dist/worker.js` and `dist/worker/`, and holds them to their size.
 *
 * @returns {Promise<Record<string, number>>} each file's bytes
 */
export async function buildWorker() {
  const modules = await bundleWorker();
  await rm(join(workerRoot, "worker"), { recursive: true, force: true });
  for (const { name, code } of modules) {
    await mkdir(dirname(join(workerRoot, name)), { recursive: true });
    await writeFile(join(workerRoot, name), code);
  }
  checkWorkerSize(modules);
  return Object.fromEntries(modules.map(({ name, code }) => [`dist/${name}`, Buffer.byteLength(code)]));
}
