// Reads which fields, content blocks, tools and betas the official SDKs know, so that each gets a verdict:
//   npm run wire-lists              writes scripts/wire-lists/<provider>.json from the installed SDKs
//   npm run wire-lists -- --check   fails where they are stale, and tells where a newer SDK on npm knows more
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { sdkSources } from "./wire-lists/sdk-sources.ts";
import { listText, readSdkTypes, type SdkSource, type WireList } from "./wire-lists/sdk-types.ts";

const root = join(import.meta.dirname, "..");
const listFile = (provider: string) => join(import.meta.dirname, "wire-lists", `${provider}.json`);

function write(): void {
  for (const [provider, source] of Object.entries(sdkSources)) {
    const list = readSdkTypes(source, join(root, "node_modules", source.package));
    writeFileSync(listFile(provider), listText(list));
    console.log(`${provider}: ${Object.keys(list.types).length} types of ${source.package} ${list.version}`);
  }
}

async function check(): Promise<void> {
  for (const [provider, source] of Object.entries(sdkSources)) {
    const installed = readSdkTypes(source, join(root, "node_modules", source.package));
    if (listText(installed) !== readFileSync(listFile(provider), "utf8")) {
      console.error(`${provider}: the list is not that of ${source.package} ${installed.version}; npm run wire-lists`);
      process.exitCode = 1;
      continue;
    }
    console.log(`${provider}: the list is that of ${source.package} ${installed.version}`);
    const news = await newsOf(source, installed).catch(() => undefined);
    if (news) console.log(news);
  }
}

const run = promisify(execFile);

/** Names that only the newest SDK on npm knows; `undefined` where it is the installed one, or where nobody can tell. */
async function newsOf(source: SdkSource, installed: WireList): Promise<string | undefined> {
  const options = { timeout: 60_000, cwd: root };
  const { stdout } = await run("npm", ["view", source.package, "version", "--json"], options);
  const version = JSON.parse(stdout) as string;
  if (version === installed.version) return undefined;
  const directory = mkdtempSync(join(tmpdir(), "openclaw-wire-lists-"));
  try {
    const packed = await run("npm", ["pack", `${source.package}@${version}`, "--pack-destination", directory], options);
    await run("tar", ["xzf", join(directory, packed.stdout.trim().split("\n").at(-1)!), "-C", directory]);
    // Its own imports are those of the installed one.
    symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
    const known = namesIn(installed);
    const more = [...namesIn(readSdkTypes(source, join(directory, "package")))].filter((name) => !known.has(name));
    return more.length === 0
      ? `notice: ${source.package} ${version} knows nothing that ${installed.version} does not`
      : `notice: ${source.package} ${version} also knows ${more.sort().join(", ")}`;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Every field with its type, and every literal that says what an object is. */
function namesIn({ types, betas }: WireList): Set<string> {
  const names = new Set(betas);
  for (const fields of Object.values(types)) {
    const [tag = "object"] = fields.type ?? [];
    for (const field of Object.keys(fields)) names.add(`${tag.replaceAll('"', "")}.${field}`);
  }
  return names;
}

if (process.argv.includes("--check")) await check();
else write();
