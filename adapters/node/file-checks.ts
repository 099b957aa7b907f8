import type { DoctorCheck } from "../../src/cli/doctor-report.ts";
import { findGroupBits, groupBitsFinding, groupBitsRemedy } from "./files/group-bits.ts";
import type { StoreFinding } from "./files/private-file.ts";
import { type ChangeMode, repairMode } from "./files/store-check.ts";
import type { NodeSettings } from "./node-settings.ts";
import { withoutModes } from "./start-fault.ts";

/** Files that are not as they have to be; `fix` mends the modes of those that are ours. */
export function fileChecks(
  stateDir: string,
  findings: StoreFinding[],
  fix: boolean,
  chmod?: ChangeMode,
): DoctorCheck[] {
  const name = "files";
  if (findings.length === 0) return [{ name, status: "ok", detail: "private and readable" }];
  return findings.map((finding) => {
    const detail = `${finding.file} ${finding.problem}`;
    if (fix && finding.fixable && repairMode(stateDir, finding, chmod)) return { name, status: "fixed", detail };
    const modes = withoutModes(finding, stateDir, chmod);
    return modes === undefined
      ? { name, status: "failed", detail, remedy: finding.remedy }
      : { name, status: "failed", detail: modes, remedy: "move the state directory there, and start again" };
  });
}

/** Files of the stores that a group may read. */
export function groupChecks({ stateDir, storage, settings }: NodeSettings, fix: boolean): DoctorCheck[] {
  if (storage !== undefined) return [];
  const name = "files";
  const { count, close } = findGroupBits(stateDir, Number.parseInt(settings.provisioning.audit.mode, 8));
  if (count === 0) return [];
  const detail = groupBitsFinding(count);
  if (!fix) return [{ name, status: "warning", detail, remedy: groupBitsRemedy }];
  close();
  return [{ name, status: "fixed", detail }];
}
