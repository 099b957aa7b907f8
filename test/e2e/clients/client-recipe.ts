import { readFile } from "node:fs/promises";

/** The block of a shell that `docs/clients.md` gives for the client. */
export async function clientRecipe(client: string): Promise<string> {
  const text = await readFile(new URL("../../../docs/clients.md", import.meta.url), "utf8");
  const section = text.split(/^## /m).find((one) => one.startsWith(`${client}\n`));
  const block = section?.match(/^```bash\n(.*?)^```$/ms)?.[1];
  if (block === undefined) throw new Error(`docs/clients.md has no recipe for ${client}`);
  return block;
}
