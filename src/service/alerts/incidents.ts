import type { AlertData } from "../../domain/alert-text.ts";
import type { AlertType } from "../../domain/alert-types.ts";
import { toHex } from "../../domain/hex.ts";
import type { LedgerName, OutboxMessage } from "../../ports.ts";
import { aiProviderIncident, gatewayIncident } from "../../storage/ledger-names.ts";
import type { Context } from "../context.ts";
import { retryUnwritable } from "../retry-unwritable.ts";
import { putAlert } from "./raise-alert.ts";

interface Incident {
  id: string;
  /** ISO 8601. */
  since: string;
  detail?: string | undefined;
  /** Its end is being told of. */
  ends?: Told | undefined;
}

interface Told {
  type: AlertType;
  data: Readonly<Record<string, string>>;
}

/** An incident that is open for longer is told of again. */
export const incidentMemoryMs = 365 * 86_400_000;

/**
 * Something that fails until it works again, told once at either end, by whichever process meets it: the ledger holds
 * the incident that is open. The alert has the incident for its cause, so that a process that dies after it wrote the
 * one and before the other costs nobody either.
 */
export async function openIncident(
  context: Context,
  name: LedgerName,
  { type, data }: Told,
  detail?: string,
): Promise<void> {
  const since = new Date(context.clock.now()).toISOString();
  const fresh: Incident = { id: toHex(context.crypto.randomBytes(8)), since, ...(detail !== undefined && { detail }) };
  const text = await context.ledger.get(name);
  const ends = text === undefined ? undefined : (JSON.parse(text) as Incident).ends;
  // Whoever was at its end may have died before it was told of.
  if (ends) await closeIncident(context, name, ends);
  const isMine = await context.ledger.replace(name, undefined, JSON.stringify(fresh));
  const incident = isMine ? fresh : await readIncident(context, name);
  if (incident === undefined) return;
  const about = { ...data, since: incident.since, ...(incident.detail !== undefined && { detail: incident.detail }) };
  const keepUntil = context.clock.now() + incidentMemoryMs;
  await putAlert(context, { type, cause: [incident.id], data: about, keepUntil });
}

/**
 * Nothing, where none is open. The end is noted before it is told of, and the incident goes last: one that a process left
 * in between ends with the next look, and takes in no other.
 */
export async function closeIncident(context: Context, name: LedgerName, told: Told): Promise<void> {
  const { ledger, ending } = context;
  const text = await ledger.get(name);
  if (text === undefined) return;
  const incident = JSON.parse(text) as Incident;
  const noted = incident.ends ? text : JSON.stringify({ ...incident, ends: told });
  if (noted !== text && !(await retryUnwritable(() => ledger.replace(name, text, noted), ending))) return;
  const { type, data } = incident.ends ?? told;
  await putAlert(context, { type, cause: [incident.id], data: { ...data, since: incident.since } });
  await retryUnwritable(() => ledger.replace(name, noted, undefined), ending);
}

const incidents: Record<string, (data: AlertData) => LedgerName> = {
  provider: ({ aiProviderId }) => aiProviderIncident(String(aiProviderId)),
  gateway: ({ gateway }) => gatewayIncident(String(gateway)),
};

/** Whether the incident of which an alert tells has come to its end by now, or to another one after it. */
export async function incidentStage(
  context: Context,
  { type, data: text }: Pick<OutboxMessage, "type" | "data">,
): Promise<"open" | "over" | "overtaken" | undefined> {
  const data = JSON.parse(text) as AlertData;
  const nameOf = data.since === undefined ? undefined : incidents[type.split(".", 1)[0]!];
  if (nameOf === undefined) return undefined;
  const open = await readIncident(context, nameOf(data));
  if (open === undefined) return "over";
  return open.since === data.since ? "open" : "overtaken";
}

/** The incident that is open; `undefined` while all is well. */
export async function readIncident(context: Pick<Context, "ledger">, name: LedgerName): Promise<Incident | undefined> {
  const text = await context.ledger.get(name);
  const incident = text === undefined ? undefined : (JSON.parse(text) as Incident);
  return incident?.ends ? undefined : incident;
}
