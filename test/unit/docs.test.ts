import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";

const roots = ["src", "adapters", "test", "bench", "docs", "deploy", "scripts"];
const filesBelow = (root: string): string[] =>
  readdirSync(root, { recursive: true, encoding: "utf8" }).map((name) => posix.join(root, name.replaceAll("\\", "/")));
const files = roots.flatMap(filesBelow);
const pages = [...readdirSync("."), ...files].filter((path) => path.endsWith(".md"));
const readmes = pages.filter((page) => page.endsWith("/README.md"));
const names = new Set([...readdirSync("."), ...files].map((path) => path.split("/").at(-1)!));

describe.each(pages)("%s", (page) => {
  it("links to what is there", () => {
    const text = readFileSync(page, "utf8");
    const links = [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)].map(([, to]) => to!);
    expect(links.filter((to) => !existsSync(posix.join(posix.dirname(page), to)))).toEqual([]);
  });
});

describe.each(readmes)("%s", (page) => {
  it("names files that are there", () => {
    const text = readFileSync(page, "utf8");
    const named = [...text.matchAll(/`([\w./-]+\.(?:ts|mjs|lua|json))`/g)].map(([, path]) => path!.split("/").at(-1)!);
    expect(named.filter((name) => !names.has(name))).toEqual([]);
  });
});

it("docs/redis.md has settings that Redis reads: a comment has a line of its own", () => {
  const [, settings] = readFileSync("docs/redis.md", "utf8").match(/`redis\.conf`:\n\n```\n(.*?)```/s)!;
  const lines = settings!.trim().split("\n");
  expect(lines.filter((line) => !line.startsWith("#") && line.includes("#"))).toEqual([]);
  expect(lines).toContain("appendonly yes");
});
