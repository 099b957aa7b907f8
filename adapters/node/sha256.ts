import { hash } from "node:crypto";

/** In hex. */
export const sha256 = (text: string): string => hash("sha256", text, "hex");
