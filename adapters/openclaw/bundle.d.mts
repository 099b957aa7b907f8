import type { BuildOptions } from "esbuild";

export declare const pluginBundle: BuildOptions;
