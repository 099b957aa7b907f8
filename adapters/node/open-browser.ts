import { spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { makePrivateDirectory, writePrivate } from "./files/atomic-write.ts";

const openers: Partial<Record<NodeJS.Platform, [command: string, ...args: string[]]>> = {
  darwin: ["open"],
  win32: ["rundll32", "url.dll,FileProtocolHandler"],
};

/**
 * Shows the link in this machine's browser, through a private file: whoever lists processes reads their arguments.
 * @returns whether something was there to open it with
 */
export async function openBrowser(stateDir: string, link: string): Promise<boolean> {
  const directory = join(stateDir, "provisioning");
  const file = join(directory, "console.html");
  await makePrivateDirectory(directory);
  await writePrivate(file, `<!doctype html><meta http-equiv="refresh" content="0;url=${escaped(link)}">\n`);
  const [command, ...args] = openers[process.platform] ?? ["xdg-open"];
  const child = spawn(command, [...args, pathToFileURL(file).href], { detached: true, stdio: "ignore" });
  return await new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
