import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

interface Service {
  init?: boolean;
  read_only?: boolean;
  tmpfs?: string[];
  cap_drop?: string[];
  security_opt?: string[];
  stop_grace_period: string;
  logging: { driver: string; options: Record<string, string> };
  volumes: string[];
  container_name?: string;
  hostname?: string;
  ports?: string[];
  environment: Record<string, string>;
}
const servicesOf = (file: string) =>
  (parse(readFileSync(file, "utf8")) as { services: Record<string, Service> }).services;
const gateway = servicesOf("docker-compose.yml")["openclaw-gateway"]!;
const agents = servicesOf("docker-compose.openclaw.yml")["openclaw-agents"]!;
const replicas = servicesOf("deploy/docker-compose.replicas.yml")["openclaw-agents"]!;

describe("compose", () => {
  test("gives the control plane its volume to write to, and no privilege", () => {
    expect(gateway).toMatchObject({
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      volumes: ["openclaw-state:/home/node/.openclaw"],
    });
    expect(gateway.tmpfs).toHaveLength(1);
  });

  test("has the control plane stop at a signal that comes before it listens for any", () => {
    expect(gateway.init).toBe(true);
  });

  test("waits for the drain and ten seconds", () => {
    expect(gateway.stop_grace_period).toBe(`\${OPENCLAW_STOP_GRACE:-${30 + 10}s}`);
  });

  test("gives each replica a volume of its own, and no name or port that a second one could not have", () => {
    const { container_name, hostname, ports, volumes } = replicas;
    expect([container_name, hostname, ports]).toEqual([undefined, undefined, undefined]);
    expect(volumes).toEqual(["/home/node/.openclaw", "openclaw-link:/home/node/openclaw-link:ro"]);
  });

  test("runs a replica as it runs the one gateway", () => {
    const { container_name: _, hostname: __, ports: ___, volumes: ____, environment, ...one } = agents;
    const { volumes: _____, environment: theirs, ...another } = replicas;
    expect(another).toEqual(one);
    expect(theirs).toEqual({ ...environment, OPENCLAW_GATEWAY_PORT: "18790" });
  });

  test.each([
    ["the control plane", gateway],
    ["agents", agents],
    ["agents on several gateways", replicas],
  ])("bounds the log of %s", (_, { logging }) => {
    expect(logging).toEqual({ driver: "json-file", options: { "max-size": "50m", "max-file": "5" } });
  });
});
