import { isRecord } from "../domain/is-record.ts";
import { scrubKeys } from "../domain/scrub-keys.ts";
import type { SettingChange } from "../ports.ts";

/** A value longer than this is shown cut off. */
const shown = 200;

function leavesOf(value: unknown, path: string): [path: string, text: string][] {
  if (!isRecord(value)) return value === undefined ? [] : [[path, textOf(value)]];
  return Object.entries(value).flatMap(([name, inner]) => leavesOf(inner, path === "" ? name : `${path}.${name}`));
}

function textOf(value: unknown): string {
  const text = scrubKeys(JSON.stringify(value));
  return text.length > shown ? `${text.slice(0, shown)}...` : text;
}

/** The settings in which two entries differ, by their paths, in order; no key is shown. */
export function settingChanges(before: object, after: object): SettingChange[] {
  const [old, next] = [new Map(leavesOf(before, "")), new Map(leavesOf(after, ""))];
  return [...new Set([...old.keys(), ...next.keys()])]
    .sort()
    .map((setting) => ({ setting, before: old.get(setting), after: next.get(setting) }))
    .filter((change) => change.before !== change.after);
}
