import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("./lua/", import.meta.url);

/** The texts of `lua/`, by file name without its ending. The bundler puts them in place of this module. */
export const luaTexts: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(folder).map((file) => [file.replace(/\.lua$/, ""), readFileSync(new URL(file, folder), "utf8")]),
);
