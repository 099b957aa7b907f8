import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createHeldPaths, foldedPath, overlap } from "../../adapters/node/directory-host/overlap.ts";
import { createWorkspacePaths } from "../../adapters/node/directory-host/workspace-paths.ts";
import { isProblem } from "../../src/errors.ts";

const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("a", "b") },
  fc.constantFrom("agents", "provisioning", "Agents", "extensions"),
  { weight: 4, arbitrary: fc.constantFrom("workspace-a", "workspaces") },
);
const segment = fc.oneof({ weight: 12, arbitrary: name }, fc.constantFrom("..", ".", "", "~", "a\0", "...", " "));
const segments = fc.array(segment, { maxLength: 6 });
const where = fc.constantFrom("state", "root", "outside");

/** One thing on the disk: a directory, a file, or a link to any place, absolute or relative. */
const thing = fc.record({
  where,
  path: fc.array(name, { minLength: 1, maxLength: 3 }),
  kind: fc.oneof(
    fc.constant("directory" as const),
    fc.constant("file" as const),
    fc.record({ where, path: fc.array(name, { maxLength: 3 }), relative: fc.constantFrom("", "..", "../..") }),
  ),
});

const inside = (path: string, directory: string) => path.startsWith(`${directory}/`);

test("no tree of links brings a workspace out of the roots or to the service's own files", () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.array(thing, { maxLength: 8 }), where, segments, fc.boolean(), (things, from, ask, twoRoots) => {
      const top = realpathSync(mkdtempSync(join(tmpdir(), "workspace-property-")));
      try {
        const places = { state: join(top, "home", "state"), root: join(top, "root"), outside: join(top, "outside") };
        for (const path of [
          ...Object.values(places),
          join(places.state, "agents"),
          join(places.state, "provisioning"),
        ]) {
          mkdirSync(path, { recursive: true });
        }
        // Something to be found behind a link: below it, links are followed without being seen.
        mkdirSync(join(places.outside, "a", "b"), { recursive: true });
        mkdirSync(join(places.state, "agents", "a"));
        for (const one of things) {
          const path = join(places[one.where], ...one.path);
          try {
            if (one.kind === "directory") mkdirSync(path, { recursive: true });
            else if (one.kind === "file") writeFileSync(path, "");
            else symlinkSync(one.kind.relative || join(places[one.kind.where], ...one.kind.path), path);
          } catch {
            // It does not fit what is there: the tree is smaller for it.
          }
        }
        const roots = twoRoots ? [places.state, places.root] : [places.root];
        const paths = createWorkspacePaths({ stateDir: places.state, home: join(top, "home"), workspaceRoots: roots });
        let path: string;
        try {
          path = paths.place("my-agent", [places[from], ...ask].join("/")).path;
        } catch (error) {
          if (!isProblem(error, "workspace_not_allowed")) throw error;
          return;
        }
        accepted++;
        // Made as it was promised, it is where it was promised.
        mkdirSync(path, { recursive: true });
        const real = realpathSync(path);
        expect(real).toBe(path);
        expect(roots.some((root) => inside(real, root))).toBe(true);
        expect(inside(`${places.state}/x`, real)).toBe(false);
        if (inside(real, places.state)) {
          expect(real.slice(places.state.length)).toMatch(/^\/(workspace-[^/]|workspaces\/[^/])/);
        }
      } finally {
        rmSync(top, { recursive: true, force: true });
      }
    }),
    { numRuns: 700 },
  );
  // Otherwise the property held because nothing was ever accepted.
  expect(accepted).toBeGreaterThan(50);
  // Every run makes and removes a tree on the disk, which others may be using.
}, 60_000);

const anyName = fc.oneof(
  fc.constantFrom("a", "A", "\u00e9", "e\u0301", "\u00c9", "ss", "\u00df", "ab", "a\u200bb"),
  fc.string({ minLength: 1, maxLength: 3 }).filter((text) => !/[/\0]/.test(text)),
);
const anyPath = fc.array(anyName, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join("/")}`);

test("paths overlap where one is the other or in it, whatever of their spelling a file system ignores", () => {
  fc.assert(
    fc.property(anyPath, anyPath, (one, other) => {
      expect(overlap(one, other)).toBe(overlap(other, one));
      expect(overlap(one, one)).toBe(true);
      expect(overlap(one, `${one}${other}`)).toBe(true);
      for (const spelled of [one.toUpperCase(), one.toLowerCase(), one.normalize("NFD"), one.normalize("NFC")]) {
        expect(overlap(`${spelled}${other}`, one)).toBe(true);
      }
      const names = (path: string) => foldedPath(path).split("/");
      const [a, b] = [names(one), names(other)];
      const common = Math.min(a.length, b.length);
      expect(overlap(one, other)).toBe(a.slice(0, common).join("/") === b.slice(0, common).join("/"));
    }),
  );
  expect(overlap("/x/a", "/x/ab")).toBe(false);
  expect(overlap("/x/stra\u00dfe", "/x/STRASSE/b")).toBe(true);
});

test("the held paths that overlap one are found as by comparing it with each", () => {
  fc.assert(
    fc.property(fc.array(anyPath, { maxLength: 12 }), fc.array(fc.nat(11)), anyPath, (paths, dropped, asked) => {
      const held = createHeldPaths();
      for (const [holder, path] of paths.entries()) held.add(path, `${holder}`);
      const gone = new Set(dropped);
      for (const holder of gone) if (paths[holder] !== undefined) held.drop(paths[holder], `${holder}`);
      const expected = paths.flatMap((path, holder) =>
        !gone.has(holder) && overlap(path, asked) ? [`${holder}`] : [],
      );
      expect(held.overlapping(asked).sort()).toEqual(expected.sort());
    }),
  );
});
