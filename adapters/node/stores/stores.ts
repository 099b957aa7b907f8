import type { DoctorCheck } from "../../../src/cli/doctor-report.ts";
import type { ActivityLog, AuditTrail, Clock, Instance, Ledger, Log, Outbox } from "../../../src/ports.ts";
import type { Settings } from "../../../src/settings.ts";
import type { Ports, Records } from "../../../src/storage/keyspace.ts";
import type { StoreFinding } from "../files/private-file.ts";

/** All that is stored, wherever that is. */
export interface Stores {
  records: Records;
  ledger: Ledger;
  outbox: Outbox;
  activity: ActivityLog;
  audit: AuditTrail;
  /** The checks of the store itself, for `doctor`. */
  checks(): Promise<DoctorCheck[]>;
  /** Files that are not as they have to be; empty where there are none. */
  findings(): Promise<StoreFinding[]>;
  /** Said once at the start, with its remedy. */
  warning?(): Promise<{ message: string; remedy: string } | undefined>;
  /** Tells others, which cannot see this process, that it lives, and whether they do. */
  presence?(id: string): Required<Pick<Instance, "isLost">> & { close(): Promise<void> };
  /** The directory in which the processes of this machine tell that they live. */
  presentIn?: string;
  close(): Promise<void>;
}

/** The same for every kind of store; each takes its part. */
export interface StoresOptions {
  stateDir: string;
  settings: Settings;
  clock: Clock;
  log: Log;
  sealKeys: Ports["sealKeys"];
  /** Stdout, where the audit trail may go as well. */
  writeOut?: ((line: string) => void) | undefined;
  /** Replaces one of this process alone; a store that shares its own leaves it aside. */
  activity?: ActivityLog | undefined;
}

/** A store that `OPENCLAW_PROVISIONING_STORAGE` names by its URL. */
export interface StoreKind {
  /** Its URLs in words, with an example. */
  urls: string;
  accepts(url: URL): boolean;
  /** @throws SettingsError where it is not to be had */
  open(url: string, options: StoresOptions): Promise<Stores>;
}
