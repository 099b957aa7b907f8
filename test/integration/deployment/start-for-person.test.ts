import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runBundle } from "../../run-bundle.ts";

const bundle = join(import.meta.dirname, "../../../dist/index.js");
let home: string;
let stateDir: string;
let running: ChildProcess | undefined;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "openclaw-person-"));
  stateDir = join(home, "state");
});
afterEach(() => {
  running?.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

/** `npm start`, as far as the bundle is concerned. */
async function start(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [bundle], {
    env: {
      PATH: process.env.PATH,
      HOME: home,
      OPENCLAW_STATE_DIR: stateDir,
      OPENCLAW_GATEWAY_PORT: "0",
      OPENCLAW_PROVISIONING_START: "person",
      ...env,
    },
  });
  running = child;
  let text = "";
  const said = new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("Stop with Ctrl+C.")) resolve(text);
    });
    child.stderr.on("data", (chunk) => {
      text += chunk;
    });
    child.once("exit", (code) => reject(new Error(`ended with ${code}: ${text}`)));
  });
  const greeting = await said;
  return {
    greeting,
    token: /gateway token +(\S+)/.exec(greeting)![1]!,
    key: /provisioning key +(\S+)/.exec(greeting)![1]!,
    curl: /^curl [\s\S]*?\}'$/m.exec(greeting)![0],
    async stop() {
      child.removeAllListeners("exit");
      const exited = once(child, "exit");
      child.kill("SIGINT");
      return (await exited)[0];
    },
  };
}

/** The line as a person would paste it. */
async function paste(line: string): Promise<{ status: string; body: string }> {
  const shell = spawn("bash", ["-c", `${line} --silent --write-out '\n%{http_code}'`]);
  let text = "";
  shell.stdout.on("data", (chunk) => {
    text += chunk;
  });
  await once(shell, "close");
  const at = text.lastIndexOf("\n");
  return { body: text.slice(0, at), status: text.slice(at + 1) };
}

describe("npm start", () => {
  it("prints a line that makes an agent as pasted, and the same token and key the next time", async () => {
    const first = await start();
    const { status, body } = await paste(first.curl);
    expect(status).toBe("201");
    expect(JSON.parse(body)).toMatchObject({ agentId: "my-agent" });
    expect(existsSync(join(stateDir, "workspace-my-agent"))).toBe(true);
    expect(first.greeting).toContain(join(stateDir, "dev.env"));
    expect(statSync(join(stateDir, "dev.env")).mode & 0o777).toBe(0o600);
    expect(statSync(stateDir).mode & 0o777).toBe(0o700);
    expect(await first.stop()).toBe(0);

    const second = await start();
    expect({ token: second.token, key: second.key }).toEqual({ token: first.token, key: first.key });
    expect((await paste(second.curl)).status).toBe("409");
    expect(await second.stop()).toBe(0);
  });

  it("begins with a link that opens the console as the operator, once", async () => {
    const started = await start();
    const [first] = started.greeting.split("\n").filter((line) => !line.startsWith("{"));
    const [, origin, code] = /(http:\/\/\S+)\/console\/#code=(\S+)$/.exec(first!)!;
    const exchange = () =>
      fetch(`${origin}/api/v1/console/session`, { method: "POST", headers: { authorization: `Bearer ${code}` } });
    const opened = await exchange();
    expect(opened.status).toBe(201);
    const { session, actor } = (await opened.json()) as { session: string; actor: string };
    expect(actor).toBe("cli");
    expect((await exchange()).status).toBe(401);
    const keys = await fetch(`${origin}/api/v1/provisioning/agent-keys`, {
      headers: { authorization: `Bearer ${session}` },
    });
    expect(keys.status).toBe(200);
    expect(await started.stop()).toBe(0);
  });

  it("takes the operator's own token, whatever a shell would make of it", async () => {
    const token = `own'token"$HOME\`x\`!\\n*`;
    const started = await start({ OPENCLAW_GATEWAY_TOKEN: token });
    expect(started.token).toBe(token);
    expect((await paste(started.curl)).status).toBe("201");
    expect(await started.stop()).toBe(0);
  });

  it("takes the operator's own token from a file", async () => {
    const token = "a-token-of-the-operators-own-in-a-file-0123456789";
    const file = join(home, "token");
    writeFileSync(file, `${token}\n`);
    const started = await start({ OPENCLAW_GATEWAY_TOKEN_FILE: file });
    expect(started.token).toBe(token);
    expect((await paste(started.curl)).status).toBe("201");
    expect(await started.stop()).toBe(0);
  });

  it("makes another key where the kept one is revoked", async () => {
    const first = await start();
    expect(await first.stop()).toBe(0);
    const [, keyId] = first.key.split("_");
    const revoked = await runBundle(["provisioning", "agent-keys", "revoke", keyId!], { OPENCLAW_STATE_DIR: stateDir });
    expect(revoked.exitCode).toBe(0);
    const second = await start();
    expect(second.key).not.toBe(first.key);
    expect(second.token).toBe(first.token);
    expect((await paste(second.curl)).status).toBe("201");
    expect(readFileSync(join(stateDir, "dev.env"), "utf8")).toContain(second.key);
    expect(await second.stop()).toBe(0);
  });

  it("does not take a token that others could read or have put there", async () => {
    const first = await start();
    expect(await first.stop()).toBe(0);
    chmodSync(join(stateDir, "dev.env"), 0o644);
    await expect(start()).rejects.toThrow(/ended with 1: error: dev\.env is open to others.*chmod 600 dev\.env/);
  });
});
