import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { openClawVersion } from "./openclaw-package.ts";

const standIn = "openclaw-stand-in";

const build = async (...args: string[]): Promise<void> => {
  const options = { maxBuffer: 1e8, timeout: 580_000 };
  await promisify(execFile)("docker", ["build", "--network=host", ...args], options);
};

/** `openclaw-provisioning:openclaw`, on a stand-in for the official image, which need not be reachable. */
export async function buildOpenClawImage(): Promise<void> {
  const version = ["--build-arg", `OPENCLAW_TAG=${openClawVersion}`];
  const directory = "test/e2e/openclaw";
  await build(...version, "-f", `${directory}/stand-in.Dockerfile`, "-t", `${standIn}:${openClawVersion}`, directory);
  const image = ["--build-arg", `OPENCLAW_IMAGE=${standIn}`, "-t", "openclaw-provisioning:openclaw", "."];
  await build(...version, "-f", "Dockerfile.openclaw", "--target", "openclaw", ...image);
}

/** `openclaw-provisioning`: the control plane, and the whole service on directories. */
export const buildGatewayImage = (): Promise<void> =>
  build("--target", "openclaw-gateway", "-t", "openclaw-provisioning", ".");
