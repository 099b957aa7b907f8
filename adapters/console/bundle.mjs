import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const outfile = at("../../dist/console-assets.mjs");

/**
 * The page as two texts. A classic script: a module is fetched with CORS, which a sandboxed frame is refused.
 *
 * @returns {Promise<{ script: string, styles: string, metafile: import("esbuild").Metafile }>}
 */
export async function bundleConsole() {
  const { outputFiles, metafile } = await build({
    entryPoints: [at("../../src/console/main.tsx")],
    outdir: "unused",
    bundle: true,
    format: "iife",
    minify: true,
    charset: "utf8",
    target: ["chrome120", "firefox121", "safari17"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  const textOf = (end) => outputFiles.find(({ path }) => path.endsWith(end)).text;
  return { script: textOf(".js"), styles: textOf(".css"), metafile };
}

const hashOf = (text) => createHash("sha256").update(text).digest("hex").slice(0, 16);

/**
 * Writes `dist/console-assets.mjs`, which every target's bundle takes in.
 *
 * @returns {Promise<import("esbuild").Metafile>} what it was made of
 */
export async function buildConsole() {
  const { script, styles, metafile } = await bundleConsole();
  const code = Object.entries({ script, styles, scriptHash: hashOf(script), stylesHash: hashOf(styles) })
    .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`)
    .join("");
  await mkdir(dirname(outfile), { recursive: true });
  // Several tests build at once.
  const temporary = `${outfile}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  await writeFile(temporary, code);
  await rename(temporary, outfile);
  return metafile;
}
