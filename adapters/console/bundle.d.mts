import type { Metafile } from "esbuild";

export function bundleConsole(): Promise<{ script: string; styles: string; metafile: Metafile }>;
export function buildConsole(): Promise<void>;
