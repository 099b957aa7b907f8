// One bundle per target, Node's in parts: `node build.mjs` builds them all, `node build.mjs node worker` only those.
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { buildWorker } from "./adapters/cloudflare/bundle.mjs";
import { buildConsole } from "./adapters/console/bundle.mjs";
import { legalText } from "./adapters/legal-text.mjs";
import { bundledLua } from "./adapters/node/redis/bundled-lua.mjs";
import { pluginBundle } from "./adapters/openclaw/bundle.mjs";

/** Some dependencies are CommonJS and call `require`, which an ES module does not have. */
const requireShim =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/**
 * Built-in modules that are looked up where they are used. Imported, `node:sqlite` fails before the first line of ours
 * runs on a Node that has none, and `node:http` loads all of Node's `fetch` for names that nobody asks for.
 */
const builtinsWhenNeeded = {
  name: "builtins-when-needed",
  setup(builder) {
    const names = /^node:(sqlite|http|dgram|child_process|inspector)$/;
    builder.onResolve({ filter: names }, ({ path }) => ({ path, namespace: "builtin", sideEffects: false }));
    builder.onLoad({ filter: names, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

const targets = {
  node: {
    entryPoints: ["adapters/node/index.ts"],
    // A server reads no part that it does not run: two thirds of the code.
    splitting: true,
    outdir: "dist",
    chunkNames: "index/[name]-[hash]",
    platform: "node",
    target: "node24",
    // jsonc-parser's CommonJS build is UMD, whose requires a bundler cannot follow.
    mainFields: ["module", "main"],
    banner: { js: requireShim },
    external: ["openclaw", "openclaw/*"],
    plugins: [builtinsWhenNeeded, bundledLua],
  },
  client: {
    entryPoints: ["src/client/client.ts"],
    outfile: "dist/client.js",
    platform: "neutral",
    target: "es2024",
  },
  plugin: pluginBundle,
};

const shared = {
  bundle: true,
  format: "esm",
  minify: true,
  metafile: true,
  write: false,
  legalComments: "none",
  logLevel: "warning",
};

/** Several tests build at once, while servers of others read. A command stays one that npx can run. */
async function writeWhole(path, contents, isCommand) {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  await writeFile(temporary, contents, { mode: isCommand ? 0o755 : 0o644 });
  await rename(temporary, path);
}

/** Parts of an earlier build. */
async function dropOthers(directory, files) {
  for (const name of await readdir(directory)) {
    const file = join(directory, name);
    if (name.endsWith(".js") && !files.includes(file)) await rm(file);
  }
}

/** @returns {Promise<Record<string, Record<string, number>>>} by target, each file's bytes */
export async function buildTargets(names = [...Object.keys(targets), "worker"]) {
  const { version } = JSON.parse(await readFile("package.json", "utf8"));
  const source = await readFile("src/version.ts", "utf8");
  if (!source.includes(`"${version}"`)) throw new Error(`src/version.ts does not say ${version}, as package.json does`);
  const consoleParts = await buildConsole();
  const built = {};
  for (const name of names) {
    if (name === "worker") {
      built.worker = await buildWorker();
      continue;
    }
    if (!targets[name]) throw new Error(`there is no target "${name}": ${Object.keys(targets).join(", ")}, worker`);
    const { metafile, outputFiles } = await build({ ...shared, ...targets[name] });
    for (const { path, contents, text } of outputFiles) await writeWhole(path, contents, text.startsWith("#!"));
    // The client alone has no console, and no library.
    const legal = name === "client" ? "" : await legalText(metafile, consoleParts);
    if (legal !== "") await writeWhole(`${targets[name].outfile ?? "dist/index.js"}.LEGAL.txt`, legal);
    built[name] = Object.fromEntries(Object.entries(metafile.outputs).map(([file, { bytes }]) => [file, bytes]));
    if (name === "node") await dropOthers("dist/index", Object.keys(built[name]));
  }
  return built;
}

if (import.meta.main) {
  const names = process.argv.slice(2);
  if (names.length === 0) await rm("dist", { recursive: true, force: true });
  const built = await buildTargets(names.length > 0 ? names : undefined);
  // The client's types are those of the schemas it was written with.
  if (built.client)
    execFileSync("tsc", [
      "-p",
      "src",
      "--noEmit",
      "false",
      "--declaration",
      "--emitDeclarationOnly",
      "--outDir",
      "dist/types",
    ]);
  for (const files of Object.values(built)) {
    const [whole, ...parts] = Object.keys(files).sort((a, b) => a.length - b.length);
    const bytes = Object.values(files).reduce((sum, one) => sum + one, 0);
    console.log(`${whole}${parts.length > 0 ? `, in ${parts.length + 1} parts` : ""}  ${(bytes / 1024).toFixed(0)} KB`);
  }
}
