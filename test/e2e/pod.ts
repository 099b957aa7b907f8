import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import { parse } from "yaml";

export const docker = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)("docker", args, { maxBuffer: 1e8, timeout: 300_000 })).stdout;

/** As much of a Deployment as decides how its container runs. */
interface Manifest {
  spec: {
    template: {
      spec: {
        terminationGracePeriodSeconds: number;
        securityContext: { runAsUser: number; runAsGroup: number; fsGroup: number };
        containers: {
          envFrom?: { configMapRef: { name: string } }[];
          env: { name: string; value: string }[];
          readinessProbe: { httpGet: { path: string } };
          lifecycle: { preStop: { exec: { command: string[] } } };
          securityContext: { readOnlyRootFilesystem: boolean; capabilities: { drop: string[] } };
          volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
        }[];
        volumes: { name: string; emptyDir?: { sizeLimit: string } }[];
      };
    };
  };
}

const read = <T>(path: string): T => parse(readFileSync(path, "utf8")) as T;

export interface Pod {
  name: string;
  /** Where its port is. */
  origin: string;
  exec(...command: string[]): Promise<string>;
  logs(): Promise<string>;
  /** As the kubelet does: the hook, SIGTERM, and SIGKILL after what is left of the grace. Resolves to the exit code. */
  stop(): Promise<number>;
}

export interface PodOptions {
  image: string;
  name: string;
  port: number;
  /** By the names of the manifest's volumes: where each is on this machine. */
  volumes: Record<string, string>;
  env?: Record<string, string>;
}

/**
 * Runs the pod of `deploy/kubernetes/base` under Docker: with the manifest's user, root file system, capabilities,
 * settings, secrets, volumes, probe and hook. A volume is the state as it is: Docker would give an empty one the
 * owner and mode that the image has there.
 */
export async function startPod({ image, name, port, volumes, env = {} }: PodOptions): Promise<Pod> {
  const { spec } = read<Manifest>("deploy/kubernetes/base/deployment.yaml").spec.template;
  const container = spec.containers[0]!;
  const settings = read<{ data: Record<string, string> }>("deploy/kubernetes/base/config.yaml").data;
  const given = {
    ...settings,
    ...Object.fromEntries(container.env.map((one) => [one.name, one.value])),
    OPENCLAW_GATEWAY_HOST: "127.0.0.1",
    OPENCLAW_GATEWAY_PORT: String(port),
    ...env,
  };
  const { runAsUser, runAsGroup } = spec.securityContext;
  const { readOnlyRootFilesystem, capabilities } = container.securityContext;
  const mounts = container.volumeMounts.map(({ name: volume, mountPath, readOnly }) => {
    const empty = spec.volumes.find((one) => one.name === volume)!.emptyDir;
    if (empty) return `--tmpfs=${mountPath}:size=${empty.sizeLimit.replace(/i$/, "").toLowerCase()},mode=1777`;
    return `--volume=${volumes[volume]!}:${mountPath}${readOnly ? ":ro" : ""}`;
  });
  await docker(
    ...["run", "--detach", "--network=host", `--name=${name}`, `--user=${runAsUser}:${runAsGroup}`],
    ...(readOnlyRootFilesystem ? ["--read-only"] : []),
    ...capabilities.drop.map((one) => `--cap-drop=${one}`),
    ...["--security-opt=no-new-privileges", "--no-healthcheck", ...mounts],
    ...Object.entries(given).map(([key, value]) => `--env=${key}=${value}`),
    image,
  );
  const origin = `http://127.0.0.1:${port}`;
  const logs = async () => {
    const { stdout, stderr } = await promisify(execFile)("docker", ["logs", name], { maxBuffer: 1e8 });
    return stdout + stderr;
  };
  await untilAnswers(origin + container.readinessProbe.httpGet.path, logs);
  return {
    name,
    origin,
    logs,
    exec: (...command) => docker("exec", name, ...command),
    async stop() {
      const { command } = container.lifecycle.preStop.exec;
      const startedAt = performance.now();
      await docker("exec", name, ...command);
      const left = spec.terminationGracePeriodSeconds - (performance.now() - startedAt) / 1_000;
      await docker("stop", `--time=${Math.floor(left)}`, name);
      return Number(await docker("inspect", "--format={{.State.ExitCode}}", name));
    },
  };
}

async function untilAnswers(url: string, logs: () => Promise<string>): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    const status = await fetch(url).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return;
    if (Date.now() > deadline) throw new Error(`${url} does not answer 200: ${await logs()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A script as root over a directory of this machine, which it finds as `/volume`. */
export const asRoot = (image: string, directory: string, script: string): Promise<string> =>
  docker("run", "--rm", "--user=0:0", "--entrypoint=bash", `--volume=${directory}:/volume`, image, "-euc", script);

/** As the kubelet prepares a volume for a pod with an fsGroup, at each mount. */
export async function mountWithGroup(image: string, directory: string, gid: number): Promise<void> {
  if (!existsSync(directory)) throw new Error(`there is no ${directory}`);
  const script = `chgrp -R ${gid} /volume; chmod -R g+rwX /volume; find /volume -type d -exec chmod g+s {} +`;
  await asRoot(image, directory, script);
}
