import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The directory of the package that a bundle's input is a file of. */
const packageOf = (input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];

/** @returns {Promise<string>} the whole text of a package's licence, under its name */
async function licenceOf(directory) {
  const { name, version, license } = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
  const files = (await readdir(directory)).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
  if (files.length === 0)
    throw new Error(`${name} ${version} (${license}) ships no licence: a bundle cannot take it in`);
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), "utf8")));
  return `${name} ${version} (${license})\n\n${texts.map((text) => text.trim()).join("\n\n")}\n`;
}

/**
 * The licences of the libraries that a bundle took in, which ask to be passed on with it.
 *
 * @param {...import("esbuild").Metafile} metafiles of the bundle, and of what it embeds
 * @returns {Promise<string>} one text
 */
export async function legalText(...metafiles) {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
  const directories = [...new Set(inputs.map(packageOf).filter((directory) => directory !== undefined))].sort();
  return (await Promise.all(directories.map(licenceOf))).join(`\n${"-".repeat(80)}\n\n`);
}
