// Lints the OpenAPI document that the CLI prints, with a pinned linter that is too large for everybody's install.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directory = mkdtempSync(join(tmpdir(), "openclaw-openapi-"));
try {
  const env = { ...process.env, OPENCLAW_STATE_DIR: directory };
  const document = execFileSync(process.execPath, ["dist/index.js", "provisioning", "openapi"], {
    env,
    maxBuffer: 1 << 24,
  });
  writeFileSync(join(directory, "openapi.json"), document);
  const lint = ["--yes", "@redocly/cli@2.77.0", "lint", join(directory, "openapi.json"), "--config", "redocly.yaml"];
  execFileSync("npx", lint, {
    stdio: "inherit",
    env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" },
  });
} finally {
  rmSync(directory, { recursive: true, force: true });
}
