import { expect } from "vitest";

// `--ignore-scripts` skips the install of the pinned Node without a word: better to stop here than to pass elsewhere.
expect(Number(process.versions.node.split(".")[0]), "run the tests with `npm test`, which brings Node 24").toBe(24);
