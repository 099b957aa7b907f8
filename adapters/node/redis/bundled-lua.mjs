import { readdir, readFile } from "node:fs/promises";

const folder = new URL("./lua/", import.meta.url);

/** A plugin of esbuild: the Lua scripts as they are, in place of what reads them from the source tree. */
export const bundledLua = {
  name: "bundled-lua",
  setup(builder) {
    builder.onLoad({ filter: /[\\/]redis[\\/]lua-texts\.ts$/ }, async () => {
      const files = await readdir(folder);
      const texts = files.map(async (file) => [
        file.replace(/\.lua$/, ""),
        await readFile(new URL(file, folder), "utf8"),
      ]);
      const scripts = Object.fromEntries(await Promise.all(texts));
      return { contents: `export const luaTexts = ${JSON.stringify(scripts)};` };
    });
  },
};
