import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";

/** Which layers each layer of `src/` may import, types included; `ports`, `errors`, `metrics`, `version` are free to all. */
const allowed: Record<string, string[]> = {
  domain: [],
  schema: ["domain"],
  prices: ["domain"],
  storage: ["domain", "schema"],
  providers: ["domain", "schema"],
  host: ["domain", "schema", "client"],
  service: ["domain", "schema", "prices", "storage", "providers", "settings", "settings.ts"],
  http: ["domain", "schema", "storage", "service"],
  proxy: ["domain", "schema", "storage", "providers", "service", "prices"],
  handlers: ["domain", "schema", "service", "http"],
  client: ["domain", "schema"],
  /** The page in the browser: of the server's layers it takes types, and the domain's pure functions. */
  console: ["domain", "schema", "client"],
  cli: ["domain", "schema", "client"],
  "routes.ts": ["handlers", "http"],
  openapi: ["schema", "http"],
  settings: ["domain", "schema"],
  "settings.ts": ["domain", "schema", "settings"],
  ports: ["domain"],
  "ports.ts": ["ports"],
  "errors.ts": [],
  "metrics.ts": [],
  "version.ts": [],
};
const free = new Set(["ports.ts", "errors.ts", "metrics.ts", "version.ts"]);
/** Below `app.ts` and `create-context.ts`, which put the parts together and may see all of `src/`. */
const layerOf = (path: string): string => path.split("/")[1]!;

interface Edge {
  from: string;
  /** A path from the repository's root, or a package's name. */
  to: string;
  isType: boolean;
  /** Read when it is needed: `import("...")`. */
  isLate: boolean;
}

/** Comments out of the way: an example in one is no import. Quotes, so that `"//"` in a text is none. */
const withoutComments = (text: string): string =>
  text.replace(/("(?:\\.|[^"\\\n])*")|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (_, quoted) => quoted ?? "");

const statement = /^(?:import|export)\s+(type\s)?(?:[\w*{][^;"]*?\sfrom\s+)?"([^"]+)"/gm;
const inPlace = /(typeof\s+|:\s*)?\bimport\("([^"]+)"\)/g;

/** Every import of these sources, `import type` and `import("...")` among them, as a bundler's metafile leaves them out. */
function edgesBelow(root: string): Edge[] {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));
  return files.flatMap((name) => {
    const from = posix.join(root, name.replaceAll("\\", "/"));
    const text = withoutComments(readFileSync(from, "utf8"));
    const edge = ([found, type, specifier]: RegExpExecArray): Edge => ({
      from,
      to: specifier!.startsWith(".") ? posix.join(posix.dirname(from), specifier!) : specifier!,
      isType: type !== undefined,
      isLate: type === undefined && found.startsWith("import("),
    });
    return [...text.matchAll(statement), ...text.matchAll(inPlace)].map(edge);
  });
}

/** The files of each circle, by Tarjan's strongly connected components. */
function circlesOf(edges: readonly Edge[]): string[][] {
  const targets = Map.groupBy(edges, ({ from }) => from);
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  function visit(file: string): void {
    const mine = order.size;
    order.set(file, mine);
    lowest.set(file, mine);
    stack.push(file);
    for (const { to } of targets.get(file) ?? []) {
      if (!order.has(to)) visit(to);
      if (stack.includes(to)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(to)!));
    }
    if (lowest.get(file) !== mine) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) circles.push(circle);
  }
  for (const file of targets.keys()) if (!order.has(file)) visit(file);
  return circles;
}

describe("imports run one way", () => {
  const inSrc = edgesBelow("src");
  const all = [...inSrc, ...edgesBelow("adapters")];

  it("sees the tree, types and imports in place included", () => {
    expect(inSrc.length).toBeGreaterThan(900);
    expect(new Set(inSrc.map(({ from }) => layerOf(from)))).toContain("handlers");
    expect(inSrc.filter(({ isType }) => isType).length).toBeGreaterThan(200);
    expect(inSrc).toContainEqual({
      from: "src/ports/audit-trail.ts",
      to: "src/domain/audit-event.ts",
      isType: true,
      isLate: false,
    });
    expect(all.map(({ to }) => to)).toContain("adapters/node/redis/redis.ts");
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
      if (!to.startsWith("src/") || layer === target) return false;
      if (free.has(target) && !free.has(layer)) return false;
      return allowed[layer] !== undefined && !allowed[layer].includes(target);
    });
    expect(wrong).toEqual([]);
  });

  it("knows every layer", () => {
    const layers = new Set(inSrc.map(({ from }) => layerOf(from)));
    const known = new Set([...Object.keys(allowed), "app.ts", "create-context.ts"]);
    expect([...layers].filter((layer) => !known.has(layer))).toEqual([]);
  });

  it("takes nothing but types into the ports", () => {
    const ports = inSrc.filter(({ from }) => /^src\/ports[./]/.test(from));
    expect(new Set(ports.map(({ from }) => from)).size).toBeGreaterThan(5);
    expect(ports.filter(({ isType }) => !isType)).toEqual([]);
  });

  it("reads no package late by itself: in a bundle of parts a CommonJS one has its default export alone", () => {
    const late = all.filter(({ isLate }) => isLate);
    expect(late.map(({ to }) => to)).toContain("adapters/node/undici.ts");
    expect(late.filter(({ to }) => !/^(src|adapters|dist|node:)/.test(to))).toEqual([]);
  });

  it("comes back to no file", () => {
    const [a, b] = ["src/a.ts", "src/b.ts"];
    const back = { from: b, to: a, isType: true, isLate: false };
    expect(circlesOf([{ from: a, to: b, isType: false, isLate: false }, back])).toEqual([[a, b]]);
    expect(circlesOf(all)).toEqual([]);
  });

  it("comes back to no room of the services", () => {
    const roomOf = (path: string) => /^src\/service\/([\w-]+)\//.exec(path)?.[1];
    const between = inSrc.flatMap((edge) => {
      const [from, to] = [roomOf(edge.from), roomOf(edge.to)];
      return from === undefined || to === undefined || from === to ? [] : [{ ...edge, from, to }];
    });
    expect(between.length).toBeGreaterThan(100);
    expect(circlesOf(between)).toEqual([]);
  });

  it.each([
    ["unstorage", ["src/storage/"]],
    ["itty-router", ["src/http/route-requests.ts"]],
    ["commander", ["src/cli/"]],
  ])("keeps %s where it belongs", (library, places) => {
    const users = inSrc.filter(({ to }) => to === library || to.startsWith(`${library}/`)).map(({ from }) => from);
    expect(users.length).toBeGreaterThan(0);
    expect(users.filter((user) => !places.some((place) => user.startsWith(place)))).toEqual([]);
  });
});
