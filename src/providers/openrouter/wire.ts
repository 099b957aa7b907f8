import { isRecord } from "../../domain/is-record.ts";
import { toolVerdictsWith } from "../openai/openai-content.ts";
import { chatShape, embeddingsShape, type OwnFields, responsesShape } from "../openai/openai-shape.ts";
import { below, openAiEndpoints, openAiMetered } from "../openai/wire.ts";
import { anyImage } from "../shared/image-rules.ts";
import { unboundedRoutedModel } from "../shared/routed-models.ts";
import { each, hosted, object, refused, steering, tagged } from "../shared/shape.ts";
import type { ProviderWire } from "../shared/wire.ts";

/** They search, read files and ask panels of models; `fusion` by default one that stands nowhere in the request. */
const plugin = refused("plugins read what the request does not hold");

/** Others have a price a page, as has the one that is used where none is named and the model reads no files. */
const freeEngines: readonly unknown[] = ["native", "cloudflare-ai", "pdf-text"];
const fileParser = object("id", { pdf: object("engine") }, ({ pdf }, account) => {
  if (!isRecord(pdf) || !freeEngines.includes(pdf.engine)) {
    account.unbounded ??=
      'the plugin "file-parser" has a price a page but with the engines "native" and "cloudflare-ai"';
  }
});

const own: OwnFields = {
  ...each(
    `route provider transforms reasoning include_reasoning usage top_k top_a min_p repetition_penalty session_id
     trace cache_control structured_outputs logit_bias stop frequency_penalty presence_penalty seed verbosity`,
    "harmless",
  ),
  plugins: tagged(
    {
      fusion: refused("plugins read what the request does not hold", "openrouter/fusion"),
      web: plugin,
      "file-parser": fileParser,
    },
    { tag: "id", untagged: plugin },
  ),
  tools: toolVerdictsWith({
    "openrouter:fusion": { kind: "hosted", names: "openrouter/fusion" },
    ...each("openrouter:web_search openrouter:web_fetch openrouter:datetime openrouter:image_generation", hosted),
  }),
  // A stored prompt, which may name another model.
  preset: steering,
};

/** https://openrouter.ai/docs/api-reference: OpenAI's shape, with more that is done at the provider. */
export const openrouterWire: ProviderWire = {
  keyPlaces: ["bearer"],
  credential: (masterKey) => ["authorization", `Bearer ${masterKey}`],
  query: new Set(["category", "supported_parameters"]),
  endpoint: below(
    "/api/v1",
    openAiEndpoints(
      {
        chatCap: "max_tokens",
        image: anyImage,
        unboundedModel: unboundedRoutedModel,
        templates: true,
        tellsUsage: true,
      },
      { chat: chatShape(own), responses: responsesShape(own), embeddings: embeddingsShape(own) },
    ),
  ),
  metered: openAiMetered("/api/v1"),
  sleepsThrough: true,
  error: ({ status, message }) => ({ error: { code: status, message } }),
};
