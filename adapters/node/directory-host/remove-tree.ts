import { rm } from "node:fs/promises";

export async function removeTree(path: string): Promise<boolean> {
  await rm(path, { recursive: true, force: true });
  return true;
}
