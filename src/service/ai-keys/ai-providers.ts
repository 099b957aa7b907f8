import { keyHint } from "../../domain/key-hint.ts";
import { factsOf, isProviderKind, type ProviderKind, providerKinds } from "../../domain/provider-facts.ts";
import { newKeyId } from "../../domain/token.ts";
import { Problem } from "../../errors.ts";
import { betterBaseUrl } from "../../providers/base-url.ts";
import { verifyMasterKey } from "../../providers/verify.ts";
import type { AddAiProvider, AiProviderAdded, AiProviderRecord, AiProviderView } from "../../schema/ai-provider.ts";
import { aiProviderNameClaim } from "../../storage/ledger-names.ts";
import { auditedChange, newOperationId } from "../audited-change.ts";
import type { Caller } from "../caller.ts";
import type { Context } from "../context.ts";
import { type Lease, withLease } from "../lease.ts";
import { storeSealed } from "../secrets/store-sealed.ts";
import { seal } from "../secrets/vault.ts";
import { mintingRefusal } from "./minting.ts";

/** @throws Problem `provider_settings`, `provider_refused` */
export async function addAiProvider(context: Context, caller: Caller, body: AddAiProvider): Promise<AiProviderAdded> {
  const { kind, slug } = kindAndSlug(body);
  await requireNewName(context, body.name);
  const checked = await checkMasterKey(context, kind, body);
  const id = newKeyId(context.crypto.randomBytes);
  const binding = { provider: slug, id };
  const createdAt = new Date(context.clock.now()).toISOString();
  const sealed = async (): Promise<AiProviderRecord> => ({
    id,
    provider: slug,
    kind,
    name: body.name,
    ...(body.baseUrl !== undefined && { baseUrl: body.baseUrl }),
    ...(body.project !== undefined && { project: body.project }),
    ...(body.defaultQuotas && { defaultQuotas: body.defaultQuotas }),
    sealedKey: await seal(context, body.key, binding),
    ...(body.credentials !== undefined && { sealedCredentials: await seal(context, body.credentials, binding) }),
    hint: keyHint(body.key),
    createdAt,
  });
  const details = { provider: slug, name: body.name, verification: checked.verification };
  const add = async ({ hold }: Lease) => {
    await requireNewName(context, body.name);
    return await auditedChange(context, caller, { action: "ai-provider.add", target: id, details }, async () => {
      await hold();
      const store = (record: AiProviderRecord) => context.records.set("ai-providers", id, record);
      const record = await storeSealed(context, { sealed, store, jweOf: ({ sealedKey }) => sealedKey });
      return { ...aiProviderView(record), ...checked };
    });
  };
  const busy = () => aiProviderBusy(`"${body.name}"`);
  const lease = { name: aiProviderNameClaim(body.name), owner: newOperationId(context), busy };
  return await withLease(context, lease, add);
}

/** @throws Problem `provider_exists`: by its name an operator tells one master key from another */
async function requireNewName(context: Context, name: string): Promise<void> {
  const { items } = await context.records.list("ai-providers");
  const same = items.find((item) => item.name === name && item.revokedAt === undefined);
  if (!same) return;
  throw new Problem(
    "provider_exists",
    `There is an AI provider "${name}" (${same.id}); give another name, or replace its key with ` +
      `"ai-providers rotate ${same.id}".`,
  );
}

function kindAndSlug(body: AddAiProvider): { kind: ProviderKind; slug: string } {
  const builtIn = isProviderKind(body.provider) ? body.provider : undefined;
  const fail = (detail: string, path: string): never => {
    throw new Problem("provider_settings", detail, { errors: [{ path, message: detail }] });
  };
  const better = body.baseUrl === undefined ? undefined : betterBaseUrl(builtIn ?? "custom", body.baseUrl);
  if (better !== undefined) {
    fail(`The base URL is what stands before the endpoints' paths: give "${better}".`, "baseUrl");
  }
  if (builtIn !== undefined && builtIn !== "custom") {
    if (body.slug !== undefined && body.slug !== builtIn) fail('A slug goes with the provider "custom" only.', "slug");
    const { title, baseUrl } = factsOf(builtIn);
    if ((baseUrl ?? body.baseUrl) === undefined)
      fail(`${title} has no address of its own: give its base URL.`, "baseUrl");
    return { kind: builtIn, slug: builtIn };
  }
  const slug = builtIn === "custom" ? body.slug : body.provider;
  if (body.slug !== undefined && body.slug !== slug) {
    fail(`The provider "${body.provider}" is its own slug: give "provider": "custom" with another one.`, "slug");
  }
  if (slug === undefined) return fail('The provider "custom" needs a slug, as in "my-llm".', "slug");
  if (isProviderKind(slug)) fail(`"${slug}" is a built-in provider; choose another slug.`, "slug");
  if (body.baseUrl === undefined) {
    fail(`"${slug}" is not one of ${providerKinds.join(", ")}; a provider of your own needs its base URL.`, "baseUrl");
  }
  return { kind: "custom", slug };
}

/** The provider's clear no is a refusal; silence is a warning. */
export async function checkMasterKey(
  context: Context,
  kind: ProviderKind,
  body: Pick<AddAiProvider, "provider" | "key" | "baseUrl" | "project" | "credentials" | "verify">,
): Promise<Pick<AiProviderAdded, "verification" | "warning">> {
  if (body.verify === false) return { verification: "skipped" };
  const checked = await verifyMasterKey({ ...body, kind }, { fetch: context.fetch, clock: context.clock });
  switch (checked.outcome) {
    case "verified":
      return { verification: "verified" };
    case "unreachable":
      return { verification: "unreachable", warning: `The key could not be checked: ${checked.message}` };
    case "refused":
      throw new Problem(
        "provider_refused",
        `${body.provider} refused the key: ${checked.message}. Correct it, or store it unchecked with --no-verify ("verify": false).`,
      );
  }
}

/** Revoked ones last, and the oldest first among the others. */
export async function listAiProviders(context: Context): Promise<{ keys: AiProviderView[] }> {
  const { items } = await context.records.list("ai-providers");
  // The guide links the first one: a revoked one must not stand there.
  const isRevoked = ({ revokedAt }: AiProviderRecord) => Number(revokedAt !== undefined);
  items.sort(
    (a, b) => isRevoked(a) - isRevoked(b) || a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id),
  );
  return { keys: items.map(aiProviderView) };
}

/** Without its secrets; `canMint` by the kind and the credentials that are stored. */
export const aiProviderView = (record: AiProviderRecord): AiProviderView => ({
  id: record.id,
  provider: record.provider,
  kind: record.kind,
  name: record.name,
  hint: record.hint,
  status: record.revokedAt === undefined ? "active" : "revoked",
  ...(record.baseUrl !== undefined && { baseUrl: record.baseUrl }),
  ...(record.project !== undefined && { project: record.project }),
  ...(record.defaultQuotas && { defaultQuotas: record.defaultQuotas }),
  canMint: mintingRefusal(record, {}) === undefined,
  createdAt: record.createdAt,
  ...(record.rotatedAt !== undefined && { rotatedAt: record.rotatedAt }),
  ...(record.previous?.[0] && { fallbackUntil: record.previous[0].until }),
  ...(record.revokedAt !== undefined && { revokedAt: record.revokedAt }),
});

/** The refusal of a caller that met another change of the same provider. */
export const aiProviderBusy = (which: string): Problem =>
  new Problem("key_busy", `The AI provider ${which} is being changed; try again in a moment.`, {
    headers: { "retry-after": "1" },
  });
