import type { AuditTrail, AuditVerdict } from "../ports.ts";
import type { DoctorReport } from "./doctor-report.ts";

/** The app in this very process, with the operator's authority. */
export interface LocalSession {
  /** Same routes and answers as over HTTP; guards that ask for credentials are skipped. */
  fetch(request: Request): Promise<Response>;
  /** Such as `/api/v1`. */
  basePath: string;
  /** Runs the work while no other process does the same: what happens once must not happen twice. */
  exclusively<Result>(work: () => Promise<Result>): Promise<Result>;
  /** The same as the route's, with its progress. */
  verifyAudit?: AuditTrail["verify"];
  /** How to see what its log would say, where it is written nowhere. */
  logHint?: string;
  close(): Promise<void>;
}

/** All that the command line knows of the world. */
export interface CliEnvironment {
  version: string;
  /** To stdout. */
  write(text: string): void;
  /** To stderr. */
  writeError(text: string): void;
  /** Whether stdout is a terminal. */
  isTerminal: boolean;
  env(name: string): string | undefined;
  /** All of stdin. */
  readStdin(): Promise<string>;
  readFile(path: string): Promise<string>;
  openLocal(): Promise<LocalSession>;
  /** The `fetch` of `--url`. Default: the runtime's own. */
  fetch?: ((request: Request) => Promise<Response>) | undefined;
  /** Verifies parts of an audit trail apart from their deployment, in the order given. */
  verifyAuditFiles?(
    paths: readonly string[],
    onProgress?: (file: string, share: number) => void,
  ): Promise<AuditVerdict>;
  /** Looks at this machine's deployment; `fix` mends what is safe to mend. */
  doctor(options: { fix: boolean }): Promise<DoctorReport>;
  /** The secret under this deployment's seal key, as `config.json` takes it. */
  seal(secret: string): Promise<string>;
  /**
   * Makes a new seal key where one is made here, runs `reseal`, and drops the older key; `kept` says why it is kept.
   */
  rotateSeal?<R>(reseal: () => Promise<R>): Promise<R & { kept: string | undefined }>;
  /** Shows the link in the operator's browser; resolves to whether there is one. */
  openBrowser?(link: string): Promise<boolean>;
  /** Resolves when the server has stopped. */
  serve(): Promise<void>;
}
