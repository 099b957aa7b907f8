import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundledLua } from "../node/redis/bundled-lua.mjs";

const outdir = "dist/openclaw-plugin";

/** Puts what npm and OpenClaw read beside the bundle, so that the directory is a package. */
const packageFiles = {
  name: "package-files",
  setup(build) {
    build.onEnd(async ({ errors }) => {
      if (errors.length > 0) return;
      const { version } = JSON.parse(await readFile("package.json", "utf8"));
      await mkdir(outdir, { recursive: true });
      for (const [from, to] of [
        ["openclaw.plugin.json", "openclaw.plugin.json"],
        ["plugin-package.json", "package.json"],
      ]) {
        const content = JSON.parse(await readFile(join("adapters/openclaw", from), "utf8"));
        await writeFile(join(outdir, to), `${JSON.stringify({ ...content, version }, null, 2)}\n`);
      }
    });
  },
};

/** `dist/openclaw-plugin/`: what `openclaw plugins install --link` takes, and `npm pack` packs. */
export const pluginBundle = {
  entryPoints: ["adapters/openclaw/plugin.ts"],
  outfile: `${outdir}/index.js`,
  platform: "node",
  target: "node24",
  // jsonc-parser's CommonJS build is UMD, whose requires a bundler cannot follow.
  mainFields: ["module", "main"],
  banner: {
    // Some dependencies are CommonJS and call `require`, which an ES module does not have.
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  external: ["openclaw", "openclaw/*"],
  plugins: [packageFiles, bundledLua],
};
