import { Problem } from "../../errors.ts";
import { type Sealing, seal, unseal } from "./vault.ts";

/** Secrets in `config.json` may stand there sealed: a compact JWE, made by `provisioning seal`. */
const binding = { provider: "config", id: "config" };

/** A compact JWE to be put into config.json in the secret's place; it opens in no record. */
export const sealConfigSecret = async (context: Sealing, secret: string): Promise<string> =>
  await seal(context, secret, binding);

/** A text that is not sealed is taken as it is. */
export async function openConfigSecret(context: Sealing, text: string): Promise<string> {
  return isSealed(text) ? await unseal(context, text, binding) : text;
}

/** Whether a file's text holds a sealed secret as one of its strings. */
export const sealedInText = (text: string): boolean => /"[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+"/.test(text);

/** Five segments, the second one empty: a compact JWE with `dir`. */
export const isSealed = (text: string): boolean => /^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/.test(text);

interface GatewayEntry {
  id: string;
  url?: string | undefined;
  dns?: string | undefined;
  port?: number | undefined;
  token: string;
  key?: string | undefined;
}

const usualPort = 18_789;

/**
 * The remote gateways of the settings, with their secrets opened: each by its address, or by a name.
 *
 * @throws Problem `store_unreadable` naming the gateway whose secret does not open
 */
export const openGateways = async <G extends GatewayEntry>(context: Sealing, gateways: readonly G[]) =>
  await Promise.all(
    gateways.map(async ({ url, dns, port = usualPort, ...gateway }) => {
      try {
        const token = await openConfigSecret(context, gateway.token);
        const key = gateway.key === undefined ? undefined : await openConfigSecret(context, gateway.key);
        const opened = { ...gateway, token, key };
        return dns === undefined ? { ...opened, url: url! } : { ...opened, dns, port };
      } catch (cause) {
        throw new Problem(
          "store_unreadable",
          `gateway.provisioning.host.gateways, "${gateway.id}": its token or key was sealed under another seal key; ` +
            'restore that key, or seal the secret anew with "provisioning seal".',
          { cause },
        );
      }
    }),
  );
