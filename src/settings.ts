import * as z from "zod/mini";
import { withoutPassword } from "./domain/plain-address.ts";
import { wording } from "./schema/wording.ts";
import { ProvisioningSettings } from "./settings/provisioning-settings.ts";
import { SettingsError } from "./settings/settings-error.ts";

/** The file belongs to OpenClaw too: only the parts that are ours are strict. */
export const Settings = z.looseObject({
  gateway: z.prefault(z.looseObject({ provisioning: z.prefault(ProvisioningSettings, {}) }), {}),
  logging: z.prefault(z.looseObject({ level: z._default(z.enum(["debug", "info", "warn", "error"]), "info") }), {}),
});

export interface Settings {
  provisioning: ProvisioningSettings & { publicUrl: string };
  logLevel: "debug" | "info" | "warn" | "error";
  /** Every call's bearer token. */
  gatewayTokens: readonly string[];
  /** Stands for a key with `provisioning:admin`, on targets without a shell. */
  adminTokens: readonly string[];
}

/** Never what stands inside a wrong value: a section may hold secrets, and an address a password. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "a section";
  const text = withoutPassword(JSON.stringify(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A webhook's address may be all that its receiver asks for. */
const secretPath = /(token|key|secret)$|webhooks\.endpoints(\.\d+)?(\.url)?$/;

function valueAt(value: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>((at, step) => (at as Record<PropertyKey, unknown> | undefined)?.[step], value);
}

/**
 * @param source what `raw` was read from, for the message (`config.json`, `OPENCLAW_CONFIG`)
 * @throws SettingsError naming every wrong setting
 */
export function parseSettings(
  raw: unknown,
  source: string,
): Pick<Settings, "logLevel"> & { provisioning: ProvisioningSettings } {
  const parsed = Settings.safeParse(raw ?? {}, wording);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => {
      const path = issue.path.join(".") || "(the whole file)";
      if (issue.code === "unrecognized_keys") {
        return `${path}: unknown setting ${issue.keys.map((key) => `"${key}"`).join(", ")}; remove it or correct its name`;
      }
      const given = valueAt(raw, issue.path);
      const value = secretPath.test(path) || given === undefined ? ":" : ` is ${shown(given)};`;
      return `${path}${value} ${issue.message}`;
    });
    throw new SettingsError(`${source}: ${faults.join("; ")}`);
  }
  return { provisioning: parsed.data.gateway.provisioning, logLevel: parsed.data.logging.level };
}
