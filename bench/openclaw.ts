/** Creation on a real OpenClaw gateway against OpenClaw's own `agents add` on the same one. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { provisionedGateway } from "../test/e2e/openclaw/provisioned-gateway.ts";
import { median, type Row, sample } from "./row.ts";

const atOnce = 50;

export async function benchOpenClaw(): Promise<Row[]> {
  const on = await provisionedGateway();
  try {
    const commands = await sample(3, (at) => {
      const workspace = join(on.gateway.stateDir, `workspace-cli-${at}`);
      return on.gateway.cli(["agents", "add", `cli-${at}`, "--non-interactive", "--workspace", workspace, "--json"]);
    });
    // The gateway takes the configuration that the command wrote.
    await sleep(2_000);
    const singles = await sample(5, (at) => on.created(`single-${at}`));
    const [together] = await sample(1, () =>
      Promise.all(Array.from({ length: atOnce }, (_, at) => on.created(`many-${at}`))),
    );
    const command = median(commands);
    const single = median(singles);
    const each = together! / atOnce;
    return [
      { name: "openclaw agents add", value: command, unit: "ms" },
      { name: "created one by one", value: single, unit: "ms", ratio: command / single },
      { name: `${atOnce} created at once, each`, value: each, unit: "ms", ratio: command / each },
    ];
  } finally {
    await on.close();
  }
}
