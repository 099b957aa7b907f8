import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Deployment, type IDeployment } from "kubernetes-models/apps/v1";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount } from "kubernetes-models/v1";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";

const root = "deploy/kubernetes";
const base = `${root}/base`;
const overlay = `${root}/overlays/openclaw-agents`;

const models = { ConfigMap, Deployment, NetworkPolicy, PersistentVolumeClaim, Secret, Service, ServiceAccount };
const modules = {
  ConfigMap: "v1",
  Deployment: "apps/v1",
  NetworkPolicy: "networking.k8s.io/v1",
  PersistentVolumeClaim: "v1",
  Secret: "v1",
  Service: "v1",
  ServiceAccount: "v1",
} as const;
type Kind = keyof typeof models;
interface Manifest {
  apiVersion: string;
  kind: Kind;
  metadata: { name: string };
}

/** As Kubernetes reads them: YAML 1.1, in which 0440 is octal. */
const manifestsIn = (file: string): Manifest[] =>
  parseAllDocuments(readFileSync(file, "utf8"), { version: "1.1" }).map((document) => document.toJS() as Manifest);

const filesIn = (directory: string): string[] => readdirSync(directory).filter((name) => name.endsWith(".yaml"));
const resourcesOf = (directory: string): string[] =>
  filesIn(directory).filter((name) => name !== "kustomization.yaml" && !name.endsWith(".example.yaml"));
const applied = (directory: string): Manifest[] =>
  resourcesOf(directory).flatMap((name) => manifestsIn(join(directory, name)));

const everything = [base, overlay].flatMap((directory) => [
  ...applied(directory),
  ...filesIn(directory)
    .filter((name) => name.endsWith(".example.yaml"))
    .flatMap((name) => manifestsIn(join(directory, name))),
]);
const all = [...applied(base), ...applied(overlay)];
const isKind =
  <K extends Kind>(kind: K) =>
  (one: Manifest): one is Manifest & InstanceType<(typeof models)[K]> =>
    one.kind === kind;
const deployments = all.filter(isKind("Deployment"));
const policies = all.filter(isKind("NetworkPolicy"));
const policy = (name: string) => policies.find((one) => one.metadata.name === name)!.spec!;
const containerOf = (deployment: IDeployment) => deployment.spec!.template.spec!.containers[0]!;
const deployment = (name: string) => deployments.find((one) => one.metadata.name === name)!;

describe("what is applied", () => {
  test.each([base, overlay])("is every file of %s, and no secret", (directory) => {
    const { resources } = parse(readFileSync(join(directory, "kustomization.yaml"), "utf8")) as { resources: string[] };
    const bases = directory === overlay ? ["../../base"] : [];
    expect(resources.toSorted()).toEqual([...bases, ...resourcesOf(directory)].toSorted());
    expect(applied(directory).filter((one) => one.kind === "Secret")).toEqual([]);
  });

  const kubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;
  if (!kubectl) console.log("skipped: kustomize's own build of deploy/kubernetes, for kubectl is not installed");
  test.skipIf(!kubectl)("is what kustomize builds", () => {
    const built = execFileSync("kubectl", ["kustomize", overlay], { encoding: "utf8" });
    const objects = parseAllDocuments(built).map((document) => document.toJS() as Manifest);
    const namesOf = (list: Manifest[]) => list.map((one) => `${one.kind}/${one.metadata.name}`).toSorted();
    expect(namesOf(objects)).toEqual(namesOf(all));
  });
});

test("each image has a name of its own, by which kustomize gives it a tag", () => {
  const names = deployments.map((one) => containerOf(one).image!.replace(/:.*/, ""));
  expect(new Set(names).size).toBe(names.length);
});

describe("every object", () => {
  test.each(everything.map((one) => [`${one.kind} ${one.metadata.name}`, one] as const))("is valid: %s", (_, one) => {
    const { [one.kind]: Model } = models;
    expect(one.apiVersion).toBe(modules[one.kind]);
    expect(() => new (Model as new (data: object) => { validate(): void })(one).validate()).not.toThrow();
  });

  test("has no field that Kubernetes does not know", () => {
    // The validators let unknown fields pass, the types of a literal do not.
    const directory = mkdtempSync("node_modules/.manifests-");
    try {
      const lines = everything.map(
        (one, index) =>
          `export const object${index}: import("kubernetes-models/${modules[one.kind]}").I${one.kind} = ${JSON.stringify(one)};\n`,
      );
      writeFileSync(join(directory, "objects.ts"), lines.join(""));
      const options = [
        "--ignoreConfig",
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--module",
        "preserve",
        "--target",
        "es2024",
      ];
      const { stdout, status } = spawnSync("node_modules/.bin/tsc", [...options, join(directory, "objects.ts")], {
        encoding: "utf8",
      });
      expect(stdout).toBe("");
      expect(status).toBe(0);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }, 60_000);
});

describe("every pod", () => {
  test.each(deployments.map((one) => [one.metadata.name, one] as const))("of %s is locked down", (name, one) => {
    const pod = one.spec!.template.spec!;
    const container = containerOf(one);
    expect(one.spec).toMatchObject({ replicas: 1, strategy: { type: "Recreate" } });
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        runAsGroup: 1000,
        fsGroup: 1000,
        fsGroupChangePolicy: "OnRootMismatch",
        seccompProfile: { type: "RuntimeDefault" },
      },
    });
    expect(pod.serviceAccountName).toBe(name);
    expect(pod.containers).toHaveLength(1);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(container.resources?.limits?.memory).toBeDefined();
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
      expect(probe?.httpGet).toEqual({ path: "/healthz", port: "http" });
    expect(new Set(container.volumeMounts?.map((mount) => mount.name))).toEqual(
      new Set(pod.volumes?.map((volume) => volume.name)),
    );
    for (const volume of pod.volumes ?? []) if (volume.secret) expect(volume.secret.defaultMode).toBe(0o440);
  });

  test("has no secret in its environment", () => {
    const secret = /TOKEN|SEAL_KEY|MASTER_KEY|STORAGE|PROVISIONING_KEY/;
    for (const one of deployments) {
      const { env = [], envFrom = [] } = containerOf(one);
      expect(envFrom.filter((from) => from.secretRef)).toEqual([]);
      for (const variable of env) {
        expect(variable.valueFrom?.secretKeyRef).toBeUndefined();
        if (secret.test(variable.name)) expect(variable.name).toMatch(/_FILE$/);
      }
    }
    for (const one of all.filter(isKind("ConfigMap")))
      for (const name of Object.keys(one.data ?? {})) if (secret.test(name)) expect(name).toMatch(/_FILE$/);
  });

  test("finds each secret file that it is told of where the secret is mounted, and the secret in the example", () => {
    const keysOf = (file: string) =>
      Object.fromEntries(
        manifestsIn(file)
          .filter(isKind("Secret"))
          .map((one) => [one.metadata.name, Object.keys(one.stringData ?? {})]),
      );
    expect(keysOf(`${base}/secret.example.yaml`)).toEqual({ "openclaw-gateway": ["gateway-token", "seal-key"] });
    const secrets = keysOf(`${overlay}/link.example.yaml`);
    const named = all.filter(isKind("ConfigMap")).flatMap((one) => Object.entries(one.data ?? {}));
    for (const one of deployments) {
      const { volumes = [] } = one.spec!.template.spec!;
      const { env = [], volumeMounts = [], envFrom = [] } = containerOf(one);
      const variables = [
        ...env.map(({ name, value }) => [name, value ?? ""] as const),
        ...(envFrom.length > 0 ? named : []),
      ];
      for (const [, path] of variables.filter(([name]) => name.endsWith("_FILE"))) {
        const mount = volumeMounts.find(({ mountPath }) => path.startsWith(`${mountPath}/`))!;
        const volume = volumes.find(({ name }) => name === mount.name)!;
        expect(secrets[volume.secret!.secretName!]).toContain(path.slice(mount.mountPath.length + 1));
      }
    }
  });

  // The top of a volume is root's, whatever the fsGroup: OpenClaw sets the mode of its directory, and does not start.
  test("of agents has OpenClaw's directory below its volume, made by its own user", () => {
    const { volumeMounts = [] } = containerOf(deployment("openclaw-agents"));
    const { mountPath = "" } = volumeMounts.find(({ name }) => name === "state") ?? {};
    const stateDir = /OPENCLAW_STATE_DIR=(\S+)/.exec(readFileSync("Dockerfile.openclaw", "utf8"))![1]!;
    expect(stateDir.startsWith(`${mountPath}/`)).toBe(true);
    expect(readFileSync("scripts/docker-openclaw-gateway.sh", "utf8")).toContain('mkdir -p -m 700 "$state"');
  });

  test("of the control plane has settings that its server reads", () => {
    const directory = mkdtempSync(join(tmpdir(), "manifests-"));
    try {
      const secret = join(directory, "secret");
      writeFileSync(secret, "a-secret-of-this-test");
      const data = all.filter(isKind("ConfigMap")).flatMap((one) => Object.entries(one.data ?? {}));
      const env = data.map(([name, value]) => [name, name.endsWith("_FILE") ? secret : value]);
      const { settings, agents } = readNodeSettings({ OPENCLAW_STATE_DIR: directory, ...Object.fromEntries(env) });
      expect(agents).toEqual({ byDns: false, url: "http://openclaw-agents:18789", token: "a-secret-of-this-test" });
      expect(settings.provisioning).toMatchObject({
        enabled: true,
        publicUrl: "http://openclaw-gateway:18789",
        drainSeconds: 30,
        host: { kind: "remote" },
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("of the control plane is given the time that its drain takes", () => {
    const { terminationGracePeriodSeconds, containers } = deployment("openclaw-gateway").spec!.template.spec!;
    const [, seconds] = containers[0]!.lifecycle!.preStop!.exec!.command!;
    const config = all.filter(isKind("ConfigMap")).find((one) => one.metadata.name === "openclaw-gateway")!;
    const drain = Number(config.data!.OPENCLAW_DRAIN_SECONDS);
    expect(terminationGracePeriodSeconds).toBe(Number(seconds) + drain + 10);
  });

  test("of agents has nothing of the control plane's but where it is, and the digest that it is known by", () => {
    const agents = deployment("openclaw-agents");
    expect(containerOf(agents).envFrom).toBeUndefined();
    expect(containerOf(agents).env!.map((variable) => variable.name)).toEqual([
      "OPENCLAW_PROVISIONING_ROLE",
      "OPENCLAW_LINK_DIGEST_FILE",
      "OPENCLAW_PUBLIC_URL",
    ]);
    const secrets = agents.spec!.template.spec!.volumes!.flatMap((volume) => volume.secret?.secretName ?? []);
    expect(secrets).toEqual(["openclaw-agents-link"]);
  });
});

describe("the network", () => {
  const podsOf = (name: string) => ({ podSelector: { matchLabels: { "app.kubernetes.io/name": name } } });
  const onPort = [{ protocol: "TCP", port: 18789 }];
  const dns = {
    to: [
      {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
        podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
      },
    ],
    ports: [
      { protocol: "UDP", port: 53 },
      { protocol: "TCP", port: 53 },
    ],
  };

  test("lets agents reach the control plane's port and DNS alone, and the control plane alone reach them", () => {
    expect(policy("openclaw-agents")).toEqual({
      ...podsOf("openclaw-agents"),
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [podsOf("openclaw-gateway")], ports: onPort }],
      egress: [dns, { to: [podsOf("openclaw-gateway")], ports: onPort }],
    });
    expect(policy("openclaw-gateway-to-agents")).toEqual({
      ...podsOf("openclaw-gateway"),
      policyTypes: ["Egress"],
      egress: [{ to: [podsOf("openclaw-agents")], ports: onPort }],
    });
  });

  test("keeps the control plane from the cloud's metadata", () => {
    const { policyTypes, egress } = policy("openclaw-gateway");
    expect(policyTypes).toEqual(["Ingress", "Egress"]);
    const blocks = egress!.flatMap(({ to }) => to!.flatMap(({ ipBlock }) => ipBlock ?? []));
    expect(blocks.find(({ cidr }) => cidr === "0.0.0.0/0")!.except).toContain("169.254.0.0/16");
  });

  test("finds every Service's pods by their label", () => {
    const services = all.filter(isKind("Service"));
    expect(services.length).toBeGreaterThan(0);
    for (const service of services) {
      const labels = deployment(service.metadata.name).spec!.template.metadata!.labels;
      expect(service.spec!.selector).toEqual(labels);
    }
  });
});
