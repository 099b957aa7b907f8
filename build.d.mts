import type { BuildResult } from "esbuild";
export function buildTargets(names?: string[]): Promise<Record<string, BuildResult<{ metafile: true }>>>;
