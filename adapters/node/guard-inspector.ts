import inspector from "node:inspector";

/** Node opens an inspector on SIGUSR1, through which whoever reaches the port reads all of the process's memory. */
export function guardInspector(): void {
  process.on("SIGUSR1", () => inspector.close());
}
