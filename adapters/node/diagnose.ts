import { join } from "node:path";
import { createApp } from "../../src/app.ts";
import { type DoctorCheck, type DoctorReport, doctorReport } from "../../src/cli/doctor-report.ts";
import { gatewaysFinding } from "../../src/domain/gateway-cost.ts";
import type { Context } from "../../src/service/context.ts";
import { listGateways } from "../../src/service/gateways/list-gateways.ts";
import { findAgentsWithRevokedProvider } from "../../src/service/maintenance/agents-with-revoked-provider.ts";
import { findOrphans } from "../../src/service/maintenance/orphans.ts";
import { findUnopenableSecrets } from "../../src/service/secrets/unopenable-secrets.ts";
import { sealKeyId } from "../../src/service/secrets/vault.ts";
import { checkLinkDigest } from "./agents-link.ts";
import type { Environment } from "./environment.ts";
import { fileChecks, groupChecks } from "./file-checks.ts";
import { probeWritable } from "./files/atomic-write.ts";
import { credentialFindings } from "./files/credential-findings.ts";
import { findingOf } from "./files/private-file.ts";
import type { ChangeMode } from "./files/store-check.ts";
import { maintenanceChecks } from "./maintenance-checks.ts";
import { mendFindings } from "./mend-findings.ts";
import { type NodeSettings, readNodeSettings } from "./node-settings.ts";
import { commandLog } from "./open-local.ts";
import { type NodePorts, openNode } from "./open-node.ts";
import { priceCheck } from "./price-check.ts";
import { besideAgents, plainSecrets, settingsCheck } from "./settings-checks.ts";
import { startFault } from "./start-fault.ts";
import { webhookCheck } from "./webhook-check.ts";
import { workerChecks } from "./workers/worker-check.ts";
import { workspaceChecks } from "./workspace-checks.ts";

/** The deployment that is looked at; by default a server's own. */
export interface DiagnoseOptions {
  /** Whether the gateway token is this deployment's: with one that may be guessed it does not start. */
  ownsToken?: boolean;
  /** Default: those of `config.json` and the environment. */
  settings?: () => NodeSettings;
  /** Replaces the file system's own, which may keep no modes. */
  chmod?: ChangeMode;
}

/**
 * Looks at everything that can go wrong with a deployment on this machine; `fix` mends what is safe to mend.
 */
export async function diagnose(
  env: Environment,
  fix: boolean,
  { ownsToken = true, settings = () => readNodeSettings(env), chmod }: DiagnoseOptions = {},
): Promise<DoctorReport> {
  const checks: DoctorCheck[] = [];
  const node = await attempt(checks, "settings", async () => {
    const read = settings();
    checks.push(settingsCheck(read, env, ownsToken), ...workerChecks(read));
    if (read.agents) checkLinkDigest(read.agents);
    return read;
  });
  if (!node) return doctorReport(checks);
  const opened = await attempt(checks, "stores", () => open(checks, node, env, fix, chmod));
  if (!opened) return doctorReport(checks);
  try {
    const { context } = createApp(opened.ports, node.settings);
    checks.push(...plainSecrets(node), ...besideAgents(node));
    await attempt(checks, "store", async () => void checks.push(...(await opened.stores.checks())));
    await attempt(checks, "files", async () => {
      const findings = [...(await opened.stores.findings()), ...credentialFindings(node.stateDir)];
      checks.push(...fileChecks(node.stateDir, findings, fix, chmod));
      checks.push(...groupChecks(node, fix));
      if (node.storage === undefined) requireWritable(node.stateDir);
    });
    // A host that is held up by these can settle nothing.
    await attempt(checks, "left behind", async () => {
      const found = await context.host.leftBehind?.();
      if (found) checks.push(...(await mendFindings("left behind", found, fix)));
    });
    await attempt(
      checks,
      "interrupted changes",
      async () => void checks.push(...(await maintenanceChecks(context, fix))),
    );
    await attempt(checks, "orphans", async () => {
      checks.push(...(await mendFindings("orphans", await findOrphans(context), fix)));
    });
    await attempt(checks, "AI keys", async () => void checks.push(await aiKeyCheck(context)));
    await attempt(checks, "secrets", async () => void checks.push(await secretsCheck(context)));
    await attempt(checks, "prices", async () => void checks.push(await priceCheck(context)));
    await attempt(checks, "webhooks", async () => void checks.push(await webhookCheck(context)));
    await attempt(checks, "doors", async () => void checks.push(...(await doorChecks(context))));
    await attempt(checks, "gateways", async () => {
      checks.push({ name: "gateways", ...gatewaysFinding((await listGateways(context)).gateways) });
    });
    await attempt(checks, "audit trail", async () => void checks.push(await auditCheck(context)));
    await attempt(
      checks,
      "workspaces",
      async () => void checks.push(...(await workspaceChecks(context, node.stateDir))),
    );
    await attempt(checks, "agent host", async () => {
      await context.host.check();
      checks.push({ name: "agent host", status: "ok", detail: context.host.kind });
    });
  } finally {
    await opened.close();
  }
  return doctorReport(checks);
}

/** Some files are looked at on opening already: what `fix` can mend must not stand in the way of the rest. */
async function open(
  checks: DoctorCheck[],
  node: NodeSettings,
  env: Environment,
  fix: boolean,
  chmod: ChangeMode | undefined,
): Promise<NodePorts | undefined> {
  for (const mended = new Set<string>(); ; ) {
    try {
      return await openNode(node, { env, log: commandLog(env), chmod });
    } catch (error) {
      const finding = findingOf(error);
      if (!finding) throw error;
      // Mended once and found again: it does not stay mended.
      checks.push(...fileChecks(node.stateDir, [finding], fix && !mended.has(finding.file), chmod));
      mended.add(finding.file);
      if (checks.at(-1)?.status !== "fixed") return undefined;
    }
  }
}

/** A check that cannot even be made is one that failed. */
async function attempt<T>(checks: DoctorCheck[], name: string, look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    checks.push({ name, status: "failed", detail: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

/** Beside a server, stores that are open can be read where nothing new can be written. */
function requireWritable(stateDir: string): void {
  try {
    probeWritable(join(stateDir, "provisioning"));
  } catch (error) {
    throw startFault(error, stateDir);
  }
}

async function aiKeyCheck(context: Context): Promise<DoctorCheck> {
  const name = "AI keys";
  const cutOff = await findAgentsWithRevokedProvider(context);
  if (cutOff.length === 0) return { name, status: "ok", detail: "none cut off" };
  return {
    name,
    status: "warning",
    detail: `refused, since the AI provider is revoked: ${cutOff.join("; ")}`,
    remedy: "`agents ai-key move <agent-id> --provider <name>` gives each another key, or delete them",
  };
}

async function secretsCheck(context: Context): Promise<DoctorCheck> {
  const name = "secrets";
  const [found, ...more] = await findUnopenableSecrets(context);
  const ids = await Promise.all(context.sealKeys().map(sealKeyId));
  if (!found) return { name, status: "ok", detail: `all open; seal key ${ids.join(", ")}` };
  const others = more.length === 0 ? "" : ` (and ${more.length} more)`;
  return {
    name,
    status: "failed",
    detail: `${found.detail}${others}`,
    remedy: "restore the seal key, or `provisioning ai-providers rotate` each",
  };
}

/** Nothing to say where the host runs no agents. */
async function doorChecks({ host }: Context): Promise<DoctorCheck[]> {
  if (!host.openDoors) return [];
  const doors = await host.openDoors();
  if (doors.length === 0) return [{ name: "doors", status: "ok", detail: "every agent is held to its own key" }];
  return doors.map(({ detail, remedy, isNotice }) => ({
    name: "doors",
    status: isNotice ? "warning" : "failed",
    detail,
    remedy,
  }));
}

async function auditCheck(context: Context): Promise<DoctorCheck> {
  const { ok, events, fault } = await context.audit.verify();
  if (ok) return { name: "audit trail", status: "ok", detail: `${events} events, chain whole` };
  const place = `line ${fault!.line}${fault!.file === undefined ? "" : ` of ${fault!.file}`}`;
  return {
    name: "audit trail",
    status: "failed",
    detail: `${place}: ${fault!.reason}`,
    remedy: fault!.remedy ?? "keep a copy of audit.jsonl as evidence; events after this line cannot be relied on",
  };
}
