import { build } from "esbuild";
import { describe, expect, it } from "vitest";

/** Which layers each layer of `src/` may import at run time; `ports`, `errors`, `metrics`, `version` are free to all. */
const allowed: Record<string, string[]> = {
  domain: [],
  schema: ["domain"],
  prices: ["domain"],
  storage: ["domain", "schema"],
  providers: ["domain", "schema"],
  host: ["domain", "schema", "client"],
  service: ["domain", "schema", "prices", "storage", "providers"],
  http: ["domain", "schema", "storage", "service"],
  proxy: ["domain", "schema", "storage", "providers", "service"],
  handlers: ["schema", "service", "http"],
  client: ["domain", "schema"],
  cli: ["domain", "schema", "client"],
  "routes.ts": ["handlers", "http"],
  openapi: ["schema", "http"],
  "openapi.ts": ["openapi", "schema", "http"],
  "settings.ts": ["domain", "schema"],
};
const free = new Set(["ports.ts", "errors.ts", "metrics.ts", "version.ts"]);
/** Below `app.ts`, which may see all of `src/`. */
const layerOf = (path: string): string => path.split("/")[1]!;

async function edges(): Promise<{ from: string; to: string }[]> {
  const { metafile } = await build({
    entryPoints: [
      "adapters/node/index.ts",
      "adapters/cloudflare/worker.ts",
      "adapters/openclaw/plugin.ts",
      "src/index.ts",
    ],
    bundle: true,
    write: false,
    metafile: true,
    outdir: "unused",
    platform: "node",
    format: "esm",
    external: ["openclaw", "openclaw/*", "cloudflare:*"],
    logLevel: "error",
  });
  return Object.entries(metafile.inputs).flatMap(([from, { imports }]) =>
    imports.map(({ path: to }) => ({ from, to })),
  );
}

describe("imports run one way", async () => {
  const all = await edges();
  const inSrc = all.filter(({ from }) => from.startsWith("src/"));

  it("sees the tree", () => {
    expect(inSrc.length).toBeGreaterThan(150);
    expect(new Set(inSrc.map(({ from }) => layerOf(from)))).toContain("handlers");
  });

  it("keeps adapters out of src", () => {
    expect(inSrc.filter(({ to }) => to.startsWith("adapters/"))).toEqual([]);
  });

  it("keeps Node out of src", () => {
    expect(inSrc.filter(({ to }) => to.startsWith("node:"))).toEqual([]);
  });

  it("goes from the edge to the core", () => {
    const wrong = inSrc.filter(({ from, to }) => {
      const [layer, target] = [layerOf(from), layerOf(to)];
      if (!to.startsWith("src/") || layer === target || free.has(target)) return false;
      return allowed[layer] !== undefined && !allowed[layer].includes(target);
    });
    expect(wrong).toEqual([]);
  });

  it("knows every layer", () => {
    const layers = new Set(inSrc.map(({ from }) => layerOf(from)));
    const known = new Set([...Object.keys(allowed), ...free, "app.ts", "index.ts"]);
    expect([...layers].filter((layer) => !known.has(layer))).toEqual([]);
  });

  it.each([
    ["unstorage", ["src/storage/"]],
    ["itty-router", ["src/app.ts", "src/routes.ts"]],
    ["commander", ["src/cli/"]],
  ])("keeps %s where it belongs", (library, places) => {
    const users = inSrc.filter(({ to }) => to.includes(`node_modules/${library}/`)).map(({ from }) => from);
    expect(users.filter((user) => !places.some((place) => user.startsWith(place)))).toEqual([]);
  });
});
