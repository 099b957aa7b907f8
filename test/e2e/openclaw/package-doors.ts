import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { modelSettings } from "../../../adapters/openclaw/doors/model-settings.ts";
import { toolTable } from "../../../adapters/openclaw/doors/tool-table.ts";
import { openClawPackage } from "./openclaw-package.ts";

const run = promisify(execFile);

interface Schema {
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema | Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

/** The outermost of its settings whose names speak of a model, each with `*` for a name and `[]` for an item. */
function modelSettingsIn(schema: Schema): string[] {
  const found = new Set<string>();
  const visit = (node: Schema | boolean | undefined, path: string): void => {
    if (typeof node !== "object") return;
    for (const one of [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.allOf ?? [])]) visit(one, path);
    const below = (step: string, child: Schema | boolean | undefined) => {
      const name = path === "" ? step : `${path}.${step}`;
      if (/model/i.test(step)) found.add(name);
      else visit(child, name);
    };
    for (const [step, child] of Object.entries(node.properties ?? {})) below(step, child);
    if (node.additionalProperties !== undefined) below("*", node.additionalProperties);
    for (const item of [node.items ?? []].flat()) below("[]", item);
  };
  visit(schema, "");
  return [...found].sort();
}

/** Those of its core, and those that its own plugins announce. */
async function toolsIn(directory: string): Promise<string[]> {
  const dist = join(directory, "dist");
  const catalog = (await readdir(dist)).filter((name) => /^tool-catalog-.*\.mjs$/.test(name));
  const tools = new Set<string>();
  for (const name of catalog) {
    const exported = Object.values((await import(pathToFileURL(join(dist, name)).href)) as Record<string, unknown>);
    // Its groups: every tool is in one of them.
    const groups = exported.find((one) => typeof one === "object" && one !== null && "group:fs" in one);
    for (const group of Object.values((groups ?? {}) as Record<string, string[]>)) {
      for (const tool of group) tools.add(tool);
    }
  }
  if (!tools.has("exec")) throw new Error(`${dist} has its tools elsewhere than in tool-catalog-*.mjs`);
  const extensions = join(dist, "extensions");
  for (const name of await readdir(extensions)) {
    const manifest = await readFile(join(extensions, name, "openclaw.plugin.json"), "utf8").catch(() => "{}");
    const { contracts } = JSON.parse(manifest) as { contracts?: { tools?: string[] } };
    for (const tool of contracts?.tools ?? []) tools.add(tool);
  }
  return [...tools].sort();
}

const isDecided = (setting: string): boolean => {
  if (Object.hasOwn(modelSettings, setting)) return true;
  // Each plugin has the same pair of settings, which say what the plugin itself may call.
  const general = setting.replace(/^plugins\.entries\.[^.]+\.(llm|subagent)\..*$/, "plugins.entries.*.$1");
  return Object.hasOwn(modelSettings, general);
};

/** Read by OpenClaw itself, and named without a model in it. */
const besides = [
  ...["agents.defaults.compaction.provider", "memory.search.provider"],
  ...["tts", "channels.*.tts", "channels.*.accounts.*.tts"].flatMap((place) => [`${place}.auto`, `${place}.enabled`]),
];

export async function undecidedDoors(): Promise<{
  version: string;
  settings: string[];
  tools: string[];
  undecided: string[];
  gone: string[];
}> {
  const own = process.env.OPENCLAW_PACKAGE_DIR;
  const { directory, path } = own
    ? { directory: own, path: `${dirname(process.execPath)}:${process.env.PATH}` }
    : await openClawPackage();
  const home = await mkdtemp(join(tmpdir(), "openclaw-doors-"));
  try {
    const env = { PATH: path, HOME: home };
    const { stdout } = await run("node", [join(directory, "openclaw.mjs"), "config", "schema"], {
      env,
      maxBuffer: 1e8,
    });
    const { version } = JSON.parse(await readFile(join(directory, "package.json"), "utf8")) as { version: string };
    const settings = modelSettingsIn(JSON.parse(stdout) as Schema);
    const tools = await toolsIn(directory);
    const offered = ["tool_search", "tool_call", "tool_describe"];
    const gone = [
      ...Object.keys(modelSettings).filter(
        (name) => !settings.includes(name) && !besides.includes(name) && !name.startsWith("plugins.entries.*."),
      ),
      ...Object.keys(toolTable).filter((name) => !tools.includes(name) && !offered.includes(name)),
    ];
    const undecided = [
      ...settings.filter((name) => !isDecided(name)),
      ...tools.filter((name) => !Object.hasOwn(toolTable, name)),
    ];
    return { version, settings, tools, undecided, gone };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
