export { type App, createApp } from "./app.ts";
export { Problem, type ProblemCode, problemCodes } from "./errors.ts";
export { createRegistryHost } from "./host/registry-host.ts";
export { createRemoteHost } from "./host/remote-host.ts";
export type { AgentHost, AuditTrail, Clock, Crypto, Fetch, Instance, Ledger, Log, Ports, Records } from "./ports.ts";
export { routes } from "./routes.ts";
export { parseSettings, type Settings, SettingsError } from "./settings.ts";
export { createRecords } from "./storage/records.ts";
export { version } from "./version.ts";
