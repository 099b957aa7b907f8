import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../free-port.ts";
import { makePrivateCa } from "../private-ca.ts";

export const hasNginx = spawnSync("nginx", ["-v"]).status === 0;

const name = "agents.example.org";

interface Answer {
  status: number;
  text: string;
}

export interface Front {
  /** Over TLS, each call on a connection of its own. `onBegun` is called with the first bytes of the answer's body. */
  call(
    path: string,
    init: { method?: string; headers: Record<string, string>; body?: string },
    onBegun?: () => void,
  ): Promise<Answer>;
  /** Sends what comes from now on to that port; what is under way stays where it is. */
  pointTo(port: number): Promise<void>;
  close(): Promise<void>;
}

/** `nginx` with `deploy/nginx.conf`, its name, ports and files apart. */
export async function startNginx(directory: string, firstPort: number): Promise<Front> {
  const port = await freePort();
  const plainPort = await freePort();
  const ca = readFileSync(makePrivateCa(directory, name).caFile);
  const file = join(directory, "nginx.conf");
  mkdirSync(join(directory, "temporary"));

  function write(upstream: number): void {
    const site = readFileSync("deploy/nginx.conf", "utf8")
      .replaceAll(/ {4}listen \[::\].*\n/g, "")
      .replace("listen 80;", `listen 127.0.0.1:${plainPort};`)
      .replace("listen 443 ", `listen 127.0.0.1:${port} `)
      .replace("127.0.0.1:18789", `127.0.0.1:${upstream}`)
      .replace(`/etc/letsencrypt/live/${name}/fullchain.pem`, join(directory, "leaf.pem"))
      .replace(`/etc/letsencrypt/live/${name}/privkey.pem`, join(directory, "leaf.key"))
      .replace("/var/log/nginx/openclaw.log", join(directory, "access.log"))
      .replace("/var/log/nginx/openclaw-error.log", join(directory, "error.log"));
    const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    const temporary = kinds.map((kind) => `${kind}_temp_path ${join(directory, "temporary", kind)};`).join(" ");
    const user = process.getuid?.() === 0 ? "user root;" : "";
    const main = `daemon off; ${user} pid ${join(directory, "pid")}; error_log stderr;`;
    // The version, by which a test knows that the new settings are in use.
    const version = `map $host $upstream_port { default ${upstream}; } add_header x-upstream-port $upstream_port always;`;
    writeFileSync(file, `${main} events { worker_connections 1024; } http { ${temporary} ${version}\n${site}\n}`);
  }

  write(firstPort);
  const nginx: ChildProcess = spawn("nginx", ["-c", file, "-p", directory, "-e", "stderr"], { stdio: "inherit" });
  const leave = () => nginx.kill("SIGKILL");
  process.once("exit", leave);

  const send = (
    path: string,
    { method = "POST", headers, body }: Parameters<Front["call"]>[1],
    onBegun?: () => void,
  ): Promise<Answer & { port: string }> =>
    new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port, servername: name, ca, agent: false as const, method, path };
      const outgoing = request({ ...options, headers: { host: name, ...headers } }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.once("data", () => onBegun?.());
        response.on("data", (part) => (text += part));
        response.on("error", reject);
        response.on("close", () => {
          const answer = { status: response.statusCode ?? 0, text, port: String(response.headers["x-upstream-port"]) };
          if (response.complete) resolve(answer);
          else reject(new Error(`the answer broke off after ${text.length} characters`));
        });
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });

  async function untilPointed(upstream: number): Promise<void> {
    for (const deadline = Date.now() + 10_000; ; ) {
      const answer = await send("/healthz", { method: "GET", headers: {} }).catch(() => undefined);
      if (answer?.status === 200 && answer.port === String(upstream)) return;
      if (Date.now() > deadline) throw new Error(`nginx does not reach port ${upstream}`);
      await sleep(50);
    }
  }

  await untilPointed(firstPort);
  return {
    call: send,
    async pointTo(upstream) {
      write(upstream);
      nginx.kill("SIGHUP");
      await untilPointed(upstream);
    },
    async close() {
      const ended = new Promise((resolve) => nginx.once("exit", resolve));
      nginx.kill("SIGTERM");
      await ended;
      process.off("exit", leave);
    },
  };
}
