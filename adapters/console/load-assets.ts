import type { ConsoleAssets } from "../../src/http/console-page.ts";

/** Read when somebody asks for the page, and not before. */
export const loadConsoleAssets = async (): Promise<ConsoleAssets> => await import("../../dist/console-assets.mjs");
