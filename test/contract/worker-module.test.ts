import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterEach, describe, expect, it } from "vitest";
// @ts-expect-error plain JavaScript, as build.mjs reads it
import { bundleWorker } from "../../adapters/cloudflare/bundle.mjs";
import { createOpenApi } from "../../src/openapi/openapi.ts";
import { routes } from "../../src/routes.ts";
import { version } from "../../src/version.ts";
import { audience, makeIssuerKey, startJwtIssuer } from "../jwt-issuer.ts";
import { masterKeys, sampleAdminApis } from "../upstream/sample-admin-apis.ts";
import { nodeTarget } from "./node-target.ts";
import { ask, contractConfig, makeKey } from "./target.ts";
import { type WorkerTarget, workerTarget } from "./worker-target.ts";

describe("the Worker's module", async () => {
  const code = (await bundleWorker()) as string;

  it("is one, and shows workerd nothing but what it looks for", () => {
    const { imports, exports } = metafileOf(code);
    expect(imports).toEqual(["cloudflare:workers"]);
    expect(exports).toEqual(["AlertObject", "AuditObject", "LedgerObject", "default"]);
  });

  it("passes wrangler's own check", () => {
    const outdir = mkdtempSync(join(tmpdir(), "openclaw-deploy-"));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["adapters/cloudflare/deploy.mjs", "--dry-run", "--outdir", outdir],
      { encoding: "utf8", env: { ...process.env, WRANGLER_LOG_PATH: outdir, CI: "1" } },
    );
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/Total Upload: [\d.]+ KiB \/ gzip: [\d.]+ KiB/);
    expect(readFileSync(join(outdir, "worker.js"), "utf8")).toContain(code.slice(0, 10_000));
    rmSync(outdir, { recursive: true, force: true });
  }, 60_000);
});

/** Imports of any kind, and exports, as esbuild reads them. */
function metafileOf(code: string): { imports: string[]; exports: string[] } {
  const { metafile } = buildSync({
    stdin: { contents: code },
    bundle: true,
    format: "esm",
    external: ["*"],
    metafile: true,
    write: false,
  });
  const [output] = Object.values(metafile.outputs);
  return {
    imports: [...new Set(output!.imports.map(({ path }) => path))].sort(),
    exports: output!.exports.sort(),
  };
}

describe("the Worker has in it", () => {
  const closing: (() => Promise<void>)[] = [];
  const closedLater = <T extends { close(): Promise<void> }>(one: T): T => {
    closing.unshift(() => one.close());
    return one;
  };
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  const worker = async (provisioning: object = {}): Promise<WorkerTarget> => {
    const settings = { ...contractConfig.gateway.provisioning, ...provisioning };
    return closedLater(await workerTarget({ config: { ...contractConfig, gateway: { provisioning: settings } } }));
  };

  it("the OpenAPI document, to a letter the one that Node serves", async () => {
    const target = await worker({ basePath: "/agents-api/v2" });
    for (const _ of ["made", "kept"]) {
      const { status, body } = await ask(target, "GET", `${target.origin}/agents-api/v2/openapi.json`);
      expect(status).toBe(200);
      expect(JSON.stringify(body)).toBe(JSON.stringify(createOpenApi(routes, { basePath: "/agents-api/v2", version })));
    }
  });

  it("what verifies a JWT", async () => {
    const issuer = closedLater(await startJwtIssuer());
    const key = await makeIssuerKey("k1");
    issuer.publish(key);
    const target = await worker({ auth: { jwks: { issuer: issuer.url, audience, algorithms: ["ES256"] } } });
    const token = await issuer.sign(key);
    const statuses = await Promise.all(
      [token, token, target.token, await issuer.sign(await makeIssuerKey("k1"))].map(
        async (bearer) => (await ask(target, "GET", "/agents", { token: bearer })).status,
      ),
    );
    expect(statuses).toEqual([200, 200, 200, 401]);
  });

  it("what asks a provider about its key, and signs for Google", async () => {
    const apis = closedLater(await sampleAdminApis());
    const target = await worker();
    const add = async (body: object) =>
      await ask(target, "POST", "/provisioning/ai-providers", { key: target.adminToken, body });
    const gemini = { provider: "gemini", name: "Gemini", baseUrl: `${apis.origin}/gemini`, project: "sample-project" };
    expect(await add({ ...gemini, key: masterKeys.gemini, credentials: apis.serviceAccount })).toMatchObject({
      status: 201,
      body: { verification: "verified", canMint: true },
    });
    expect(apis.seen.map(({ path }) => path)).toContain("/google/token");
    expect(await add({ ...gemini, name: "Another", key: "AIza-wrong-not-a-real-key" })).toMatchObject({
      status: 422,
      body: { code: "provider_refused" },
    });
  });

  it("what speaks to other gateways", async () => {
    const gateway = closedLater(await nodeTarget());
    const { key } = await makeKey(gateway);
    const gateways = [{ id: "gw1", url: gateway.origin, token: gateway.token, key }];
    const target = await worker({ host: { kind: "remote", gateways } });
    const mine = await makeKey(target);
    const made = await ask(target, "POST", "/agents/create", { key: mine.key, body: { name: "Far Away" } });
    expect(made).toMatchObject({ status: 201, body: { agentId: "far-away", gateway: "gw1" } });
    expect((await ask(gateway, "GET", "/agents/far-away")).status).toBe(200);
  });
});
