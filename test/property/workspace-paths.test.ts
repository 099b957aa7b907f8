import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createWorkspacePaths } from "../../adapters/node/directory-host/workspace-paths.ts";
import { isProblem } from "../../src/errors.ts";

const name = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("a", "b") },
  fc.constantFrom("agents", "provisioning", "Agents"),
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
        for (const kept of ["agents", "provisioning"]) {
          expect(real.toLowerCase() === join(places.state, kept).toLowerCase()).toBe(false);
          expect(inside(real.toLowerCase(), join(places.state, kept).toLowerCase())).toBe(false);
        }
      } finally {
        rmSync(top, { recursive: true, force: true });
      }
    }),
    { numRuns: 1500 },
  );
  // Otherwise the property held because nothing was ever accepted.
  expect(accepted).toBeGreaterThan(50);
});
