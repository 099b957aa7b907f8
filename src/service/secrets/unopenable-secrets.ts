import { isFresh } from "../../domain/is-fresh.ts";
import { isProblem, Problem } from "../../errors.ts";
import type { AiProviderRecord } from "../../schema/ai-provider.ts";
import type { Ports } from "../../storage/keyspace.ts";
import { type Sealing, unseal } from "./vault.ts";

type Stored = Sealing & Pick<Ports, "records">;

/** A stored secret that none of the seal keys opens. */
export interface UnopenableSecret {
  /** The AI provider's id. */
  id: string;
  /** One sentence for the operator, with the remedy. */
  detail: string;
}

/**
 * The sealed secrets of AI providers in use that no seal key of this deployment opens. With one of them the service
 * could take calls and answer none.
 */
export async function findUnopenableSecrets(context: Stored): Promise<UnopenableSecret[]> {
  const { items } = await context.records.list("ai-providers");
  const looked = await Promise.all(items.filter(({ revokedAt }) => revokedAt === undefined).map(look));
  return looked.filter((found) => found !== undefined);

  async function look(provider: AiProviderRecord): Promise<UnopenableSecret | undefined> {
    const { id, name, sealedKey, sealedCredentials } = provider;
    try {
      for (const jwe of [sealedKey, sealedCredentials]) {
        if (jwe !== undefined) await unseal(context, jwe, { provider: provider.provider, id });
      }
      return undefined;
    } catch (error) {
      if (!isProblem(error, "secret_unopenable")) throw error;
      return {
        id,
        detail:
          `AI provider "${name}": ${error.message.replace(/, or store the secret anew\.$/, "")}; if that key is lost, ` +
          `\`provisioning ai-providers rotate ${id} --key -${sealedCredentials === undefined ? "" : " --credentials <file>"}\` ` +
          "stores the provider's key anew.",
      };
    }
  }
}

/**
 * The time for which a secret that opened is believed: lists are dear at the edge, and readiness is asked every few
 * seconds.
 */
const believedMs = 3_600_000;

/** The check of readiness: rejects with `secret_unopenable` while a stored secret does not open. */
export function createSecretsCheck(context: Stored & Pick<Ports, "clock">): () => Promise<void> {
  let openedAt = Number.NEGATIVE_INFINITY;
  return async () => {
    const now = context.clock.now();
    if (isFresh(openedAt, now, believedMs)) return;
    const [found] = await findUnopenableSecrets(context);
    if (found) throw new Problem("secret_unopenable", found.detail);
    openedAt = now;
  };
}
