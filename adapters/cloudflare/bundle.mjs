import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** What the modules' names are relative to. */
export const workerRoot = at("../../dist");

/**
 * Bytes of gzip, counted as wrangler does. `start` is what every isolate evaluates, `whole` what is uploaded: with it
 * what is loaded when it is first needed (the OpenAPI document, JWTs, the providers' management APIs, the operator's
 * commands, the remote host).
 */
export const workerLimits = { start: 100 * 1024, whole: 200 * 1024 };

/** The document as it is, in place of what makes it: that would keep the half of zod that describes schemas. */
const writtenOpenApi = {
  name: "written-openapi",
  setup(builder) {
    builder.onLoad({ filter: /[\\/]src[\\/]openapi\.ts$/ }, async () => {
      const { createOpenApi } = await import("../../src/openapi.ts");
      const { routes } = await import("../../src/routes.ts");
      const document = createOpenApi(routes, { basePath: "/", version: "0" });
      return {
        contents: `const document = ${JSON.stringify(document)};
          export const createOpenApi = (_, { basePath, version }) =>
            ({ ...document, info: { ...document.info, version }, servers: [{ url: basePath }] });`,
      };
    });
  },
};

/** Resolves what is imported when it is needed, and tells each module's path. */
const onDynamicImport = (onPath, instead) => ({
  name: "dynamic-imports",
  setup(builder) {
    builder.onResolve({ filter: /^\./ }, async ({ kind, path, pluginData, ...from }) => {
      if (kind !== "dynamic-import" || pluginData === "seen") return undefined;
      const { importer, resolveDir } = from;
      const resolved = await builder.resolve(path, { kind, importer, resolveDir, pluginData: "seen" });
      onPath?.(resolved.path);
      return instead ?? resolved;
    });
  },
});

/**
 * All that is imported when it is needed, as one module: on its own each would be one, and what any two of them share
 * another, three dozen in all.
 */
async function laterModule(options) {
  const paths = new Set();
  const { metafile } = await build({
    ...options,
    plugins: [writtenOpenApi, onDynamicImport((path) => paths.add(path))],
  });
  const names = Object.values(metafile.outputs).flatMap(({ entryPoint, exports }) =>
    paths.has(entryPoint && resolve(options.absWorkingDir, entryPoint)) ? exports : [],
  );
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  // `export *` of both would export neither.
  if (twice) throw new Error(`two of the Worker's modules that are imported when needed export ${twice}`);
  return {
    name: "later-module",
    setup(builder) {
      builder.onLoad({ filter: /.*/, namespace: "later" }, () => ({
        contents: [...paths]
          .sort()
          .map((path) => `export * from ${JSON.stringify(path)};`)
          .join("\n"),
        resolveDir: workerRoot,
      }));
    },
  };
}

/**
 * The modules as they are uploaded; `worker.js`, the first, is the entry.
 *
 * @param {string} [entry] in place of `worker.ts`
 * @returns {Promise<{ name: string, code: string, start: boolean }[]>} `start`: evaluated at once
 */
export async function bundleWorker(entry = at("worker.ts")) {
  const options = {
    entryPoints: { worker: entry },
    outdir: workerRoot,
    chunkNames: "worker/[name]-[hash]",
    absWorkingDir: workerRoot,
    bundle: true,
    splitting: true,
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
  };
  const later = onDynamicImport(undefined, { path: "later", namespace: "later" });
  const plugins = [writtenOpenApi, later, await laterModule(options)];
  const { outputFiles, metafile } = await build({ ...options, plugins });
  const start = new Set();
  const evaluate = (name) => {
    if (start.has(name)) return;
    start.add(name);
    for (const { path, kind, external } of metafile.outputs[name].imports) {
      if (kind === "import-statement" && !external) evaluate(path);
    }
  };
  evaluate("worker.js");
  return outputFiles
    .map(({ path, text }) => ({ name: relative(workerRoot, path).replaceAll("\\", "/"), code: text }))
    .map((module) => ({ ...module, start: start.has(module.name) }))
    .sort((a, b) => Number(b.name === "worker.js") - Number(a.name === "worker.js"));
}

const gzipped = (modules) => gzipSync(modules.map(({ code }) => code).join(""), { level: 9 }).length;

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
