import type { Context } from "./context.ts";
import { seal, unseal } from "./vault.ts";

/** Secrets in `config.json` may stand there sealed: a compact JWE, made by `provisioning seal`. */
const binding = { provider: "config", id: "config" };

export const sealConfigSecret = async (context: Pick<Context, "sealKey">, secret: string): Promise<string> =>
  await seal(context, secret, binding);

/** What is not sealed is taken as it is. */
export async function openConfigSecret(context: Pick<Context, "sealKey">, text: string): Promise<string> {
  return isSealed(text) ? await unseal(context, text, binding) : text;
}

/** Five segments, the second one empty: a compact JWE with `dir`. */
export const isSealed = (text: string): boolean => /^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/.test(text);

/** The remote gateways of the settings, with their secrets opened. */
export const openGateways = async <G extends { token: string; key: string }>(
  context: Pick<Context, "sealKey">,
  gateways: readonly G[],
): Promise<G[]> =>
  await Promise.all(
    gateways.map(async (gateway) => ({
      ...gateway,
      token: await openConfigSecret(context, gateway.token),
      key: await openConfigSecret(context, gateway.key),
    })),
  );
