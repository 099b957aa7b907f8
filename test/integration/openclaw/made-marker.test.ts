import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type MadeMarker, readMarker, writeMarker } from "../../../adapters/openclaw/made-marker.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "openclaw-marker-"));
  mkdirSync(join(root, "before", "agents", "ada"), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const homeIn = (state: string) => join(root, state, "agents", "ada");
const markerIn = (state: string): MadeMarker => ({
  version: 1,
  operationId: "op",
  workspace: join(root, state, "workspaces", "ada"),
  workspaceMade: true,
  from: join(root, state, "workspaces"),
  sessionsMade: true,
  bindings: [],
});

it("an agent's workspace is found where the state directory was moved to", async () => {
  await writeMarker(homeIn("before"), markerIn("before"));
  expect(readMarker(homeIn("before"))).toEqual(markerIn("before"));
  renameSync(join(root, "before"), join(root, "after"));
  expect(readMarker(homeIn("after"))).toEqual(markerIn("after"));
});

it("a workspace elsewhere, and what an older release stored with whole paths, stays", async () => {
  const elsewhere = { ...markerIn("before"), workspace: "/srv/ada", from: "/srv" };
  await writeMarker(homeIn("before"), elsewhere);
  expect(readMarker(homeIn("before"))).toEqual(elsewhere);
  writeFileSync(join(homeIn("before"), "provisioning.json"), JSON.stringify(markerIn("before")));
  expect(readMarker(homeIn("before"))).toEqual(markerIn("before"));
});

it("one of a newer release is told of by its version, and left as it is", () => {
  const path = join(homeIn("before"), "provisioning.json");
  const text = JSON.stringify({ ...markerIn("before"), version: 2 });
  writeFileSync(path, text);
  expect(() => readMarker(homeIn("before"))).toThrow(
    /ada\/provisioning\.json was written by a newer release \(version 2/,
  );
  expect(readFileSync(path, "utf8")).toBe(text);
});
