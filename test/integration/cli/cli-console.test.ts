import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openBrowser } from "../../../adapters/node/open-browser.ts";
import { problem, runCli } from "../../unit/run-cli.ts";

const made = {
  link: "http://agents-only.internal:18789/console/#code=occ_not-a-real-code",
  code: "occ_not-a-real-code",
  expiresAt: "2026-11-22T18:01:00.000Z",
};
const answers = { "POST /console/link": () => Response.json(made, { status: 201 }) };

it("prints the link and nothing else on stdout", async () => {
  const ran = await runCli(["provisioning", "console"], answers);
  expect(ran).toMatchObject({ exitCode: 0, stdout: `${made.link}\n` });
  expect(ran.stderr).toContain("once");
});

it("names the address at which the operator reached the server", async () => {
  const ran = await runCli(["provisioning", "console", "--url", "https://ops.example.org"], answers, {
    variables: { OPENCLAW_GATEWAY_TOKEN: "a-gateway-token" },
  });
  expect(ran.stdout).toBe("https://ops.example.org/console/#code=occ_not-a-real-code\n");
});

it("shows it in a browser where asked, and says where there is none", async () => {
  const shown: string[] = [];
  const openBrowser = async (link: string) => shown.push(link) > 0;
  expect((await runCli(["provisioning", "console", "--open"], answers, { openBrowser })).exitCode).toBe(0);
  expect(shown).toEqual([made.link]);
  const none = await runCli(["provisioning", "console", "--open"], answers, { openBrowser: async () => false });
  expect(none).toMatchObject({ exitCode: 1, stdout: `${made.link}\n` });
  expect(none.stderr).toContain("no browser can be opened here");
});

it("tells of a console that is switched off", async () => {
  const off = { "POST /console/link": () => problem(404, "not_found", "The console is switched off") };
  expect((await runCli(["provisioning", "console"], off)).stderr).toContain("switched off");
});

const isLinux = process.platform === "linux";
if (!isLinux) console.warn("skipped: the browser that the console opens in, for the stand-in is Linux's xdg-open");

it.runIf(isLinux)("hands the browser a private file, and no secret as an argument", async () => {
  const home = await mkdtemp(join(tmpdir(), "openclaw-browser-"));
  await writeFile(
    join(home, "xdg-open"),
    `#!/bin/sh\necho "$@" > '${home}/said.tmp' && mv '${home}/said.tmp' '${home}/said'\n`,
  );
  await chmod(join(home, "xdg-open"), 0o755);
  const path = process.env.PATH;
  process.env.PATH = `${home}:${path}`;
  try {
    expect(await openBrowser(home, made.link)).toBe(true);
  } finally {
    process.env.PATH = path;
  }
  const file = join(home, "provisioning", "console.html");
  expect(await readFile(file, "utf8")).toContain(made.link);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  await expect
    .poll(() => readFile(join(home, "said"), "utf8").catch(() => ""), { timeout: 10_000 })
    .toContain("console.html");
  expect(await readFile(join(home, "said"), "utf8")).not.toContain(made.code);
  await rm(home, { recursive: true, force: true });
});
