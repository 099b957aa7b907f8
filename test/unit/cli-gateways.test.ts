import { describe, expect, it } from "vitest";
import { runCli } from "./run-cli.ts";

const gateways = [
  {
    id: "gw1",
    reachable: true,
    version: "1.0.0",
    host: "openclaw",
    agents: 140,
    maxAgents: 150,
    room: 10,
    used: 0.933,
    cordoned: true,
    labels: { tenant: "acme" },
    lastReload: { at: "2026-11-22T18:00:00.000Z", ms: 5_640 },
  },
  { id: "gw2", reachable: false, agents: 3, cordoned: false },
];
const list = () => ({ "GET /gateways": Response.json({ gateways }) });

describe("gateways list", () => {
  it("shows each with its room", async () => {
    const ran = await runCli(["provisioning", "gateways", "list"], list());
    expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
    const [header, ...rows] = ran.stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.trim().split(/ {2,}/));
    expect(header).toEqual(["ID", "STATE", "AGENTS", "ROOM", "USED", "LAST RELOAD", "VERSION", "LABELS"]);
    expect(rows).toEqual([
      ["gw1", "up, cordoned", "140", "10", "93%", "5.6 s", "1.0.0", "tenant=acme"],
      ["gw2", "silent", "3", "-", "-", "-", "-"],
    ]);
  });

  it("prints one JSON document", async () => {
    const ran = await runCli(["provisioning", "gateways", "list", "--json"], list());
    expect(JSON.parse(ran.stdout)).toEqual({ gateways });
  });
});

describe.each([
  ["cordon", true, "takes no new agents"],
  ["uncordon", false, "takes new agents"],
])("gateways %s", (verb, cordoned, said) => {
  it("says how it is now", async () => {
    const answers = { [`POST /gateways/gw1/${verb}`]: Response.json({ id: "gw1", cordoned }) };
    const ran = await runCli(["provisioning", "gateways", verb, "gw1"], answers);
    expect(ran).toMatchObject({ exitCode: 0, stdout: `The gateway "gw1" ${said}.\n` });
  });
});
