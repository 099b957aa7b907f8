import { quotaRules } from "../domain/quota-rules.ts";
import { type Reach, reaches, type Scope, scopes } from "../schema/provisioning-key.ts";
import { type QuotaName, quotaNames } from "../schema/quota.ts";
import { parseDuration, parseExpiry, parsePast } from "./duration.ts";

/**
 * Commander knows a refused value by this code. Its own class is not used: inside another program the commander
 * at work is another copy.
 */
class InvalidValue extends Error {
  readonly code = "commander.invalidArgument";
  readonly exitCode = 2;
}

const isOneOf = <Value extends string>(values: readonly Value[], text: string): text is Value =>
  (values as readonly string[]).includes(text);

/** @throws CommandFailure where the text is no count */
export function amount(text: string): number {
  const value = Number(text.replaceAll("_", ""));
  if (!/^\d[\d_]*$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidValue("It must be a whole number.");
  return value;
}

/** How many of a list to show. */
export function count(text: string): number {
  const value = amount(text);
  if (value === 0) throw new InvalidValue("It must be at least 1.");
  return value;
}

/**
 * USD above zero and up to a million; further decimals are the service's to refuse.
 * @throws InvalidValue
 */
export function usd(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > 1_000_000) {
    throw new InvalidValue("It must be an amount in USD such as 20 or 12.50, and at most 1000000.");
  }
  return value;
}

/** USD per million tokens; 0 is a price too. */
export function price(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d{1,6})?$/.test(text) || value > 1_000_000) {
    throw new InvalidValue("It must be USD per million tokens, such as 3 or 0.075, with at most 6 decimals.");
  }
  return value;
}

/** A quota's limit in USD. */
function usdLimit(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d{1,6})?$/.test(text) || value > 1_000_000) {
    throw new InvalidValue(
      "It must be an amount in USD such as 20 or 12.50, with at most six decimals, up to 1000000.",
    );
  }
  return value;
}

/** How the limit of a quota is read. */
export const quotaLimit = (name: QuotaName): ((text: string) => number) =>
  quotaRules[name].counter === "usd" ? usdLimit : amount;

/** The same, or `none` to lift it: commander turns a parsed `null` into an empty text. */
export const quotaLimitOrNone =
  (name: QuotaName) =>
  (text: string): number | "none" =>
    text === "none" ? text : quotaLimit(name)(text);

/** Whole seconds. */
export function graceSeconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidValue("It must be a duration such as 24h, 30m or 0.");
  return ms / 1000;
}

/**
 * An ISO time in the future, of a duration from now or of a time.
 * @throws InvalidValue
 */
export function expiry(text: string): string {
  const now = Date.now();
  const at = parseExpiry(text, now);
  if (at === undefined) {
    throw new InvalidValue("It must be a duration such as 30d, or a time such as 2027-01-31T00:00:00Z.");
  }
  if (Date.parse(at) <= now) throw new InvalidValue("It lies in the past.");
  return at;
}

/**
 * An end as it was written, for `expiry` to read again when it is asked for.
 * @throws InvalidValue
 */
export function expiryText(text: string): string {
  expiry(text);
  return text;
}

/** An end, or `never` to lift it: commander turns a parsed `null` into an empty text. */
export const expiryOrNever = (text: string): string => (text === "never" ? text : expiry(text));

/** `0.9`, `90` or `90%`. */
export function share(text: string): number {
  const value = Number(text.replace(/%$/, "")) / (/%$|^\d{2,3}$/.test(text) ? 100 : 1);
  if (!/^\d+(\.\d+)?%?$/.test(text) || value < 0.5 || value > 1) {
    throw new InvalidValue("It must be a share from 0.5 to 1, such as 0.9 or 90%.");
  }
  return value;
}

/** A label given twice would count by its last value: a filter that nothing can match would match agents. */
function refuseTwice(name: string, before: object | undefined): void {
  if (before && Object.hasOwn(before, name)) throw new InvalidValue(`"${name}" is given twice; a label has one value.`);
}

/** `tenant=acme`, repeatable. */
export function label(text: string, before: Record<string, string> | undefined): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidValue("It must be NAME=VALUE, as in tenant=acme.");
  refuseTwice(name, before);
  return { ...before, [name]: value };
}

/** As `label`; `plan=` removes it. */
export function labelChange(
  text: string,
  before: Record<string, string | null> | undefined,
): Record<string, string | null> {
  const [, name, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidValue("It must be NAME=VALUE, as in tenant=acme, or NAME= to remove it.");
  refuseTwice(name, before);
  return { ...before, [name]: value || null };
}

/**
 * An ISO time, of a duration ago or of a time.
 * @throws InvalidValue
 */
export function pastTime(text: string): string {
  const at = parsePast(text, Date.now());
  if (at === undefined)
    throw new InvalidValue("It must be a duration such as 2h, or a time such as 2026-11-22T18:00:00Z.");
  return at;
}

/**
 * Each item once, without spaces around it.
 * @throws InvalidValue for an empty item
 */
export function commaList(text: string): string[] {
  const items = text.split(",").map((item) => item.trim());
  if (items.includes("")) throw new InvalidValue("It must be a list with commas and nothing empty in it.");
  return [...new Set(items)];
}

/**
 * The scopes of a list with commas.
 * @throws InvalidValue that names the first unknown one
 */
export function scopeList(text: string): Scope[] {
  return commaList(text).map((scope) => {
    if (!isOneOf(scopes, scope)) throw new InvalidValue(`"${scope}" is no scope; those are ${scopes.join(", ")}.`);
    return scope;
  });
}

/**
 * The agents that a key may change: every one that was made here, or those that it made.
 * @throws InvalidValue
 */
export function reach(text: string): Reach {
  if (!isOneOf(reaches, text)) throw new InvalidValue('It must be "all" or "own".');
  return text;
}

/** The values of an option that may come several times: commander hands on what came before. */
export const repeated = (text: string, before: string[] | undefined): string[] => [...(before ?? []), text];

/**
 * The text itself, which can stand in a header.
 * @throws InvalidValue
 */
export function headerText(text: string): string {
  if (!/^[\x21-\x7e]{0,255}$/.test(text)) {
    throw new InvalidValue("It must be at most 255 printable ASCII characters without spaces.");
  }
  return text;
}

/** `maxTokensPerMonth=1000000`, repeatable. */
export function quotaAssignment(
  text: string,
  before: Partial<Record<QuotaName, number>> | undefined,
): Partial<Record<QuotaName, number>> {
  const [name = "", value = "", ...more] = text.split("=");
  if (!isOneOf(quotaNames, name) || more.length > 0) {
    throw new InvalidValue(`It must be NAME=NUMBER; names are ${quotaNames.join(", ")}.`);
  }
  return { ...before, [name]: quotaLimit(name)(value) };
}

/**
 * The text itself, which is a day that the calendar has.
 * @throws InvalidValue
 */
export function dayInUtc(text: string): string {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : undefined;
  // 2026-02-31 parses, as the 3rd of March.
  if (day === undefined || Number.isNaN(day.getTime()) || day.toISOString().slice(0, 10) !== text) {
    throw new InvalidValue("It must be a day such as 2026-11-22.");
  }
  return text;
}
