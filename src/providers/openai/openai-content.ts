import { isRecord } from "../../domain/is-record.ts";
import { each, hosted, object, read, reference, sealed, tagged, type Verdict } from "../shared/shape.ts";

const part = "type prompt_cache_breakpoint cache_control";

const address = read((value, { media }) => media.address(value));

/** A document, whatever media type its data claims. */
const fileData = read((value, { media }) => {
  if (typeof value !== "string" || /^https?:/i.test(value)) media.named();
  else media.carried(value, "application/octet-stream");
});

const sound = read((value, { media }) => {
  if (isRecord(value) && typeof value.data === "string") media.carried(value.data, "audio/*");
  // Mistral takes an address or a file's id.
  else media.named();
});

const file = { file_id: reference, file_url: reference, file_data: fileData };

/** The parts of which messages are made, in a chat, in a response's input and behind addresses of other services. */
export const contentParts = tagged({
  ...each("text input_text", object(`${part} text annotations`)),
  output_text: object("type text annotations logprobs"),
  refusal: object("type refusal"),
  ...each("summary_text reasoning_text", object("type text")),
  ...each("thinking redacted_thinking", object("type thinking signature data")),
  image_url: object(`${part} detail`, { image_url: address }),
  video_url: object(part, { video_url: address }),
  audio_url: object(part, { audio_url: address }),
  input_image: object(`${part} detail`, { image_url: address, file_id: reference }),
  computer_screenshot: object("type", { image_url: address, file_id: reference }),
  input_audio: object(`${part} format`, { input_audio: sound }),
  file: object(part, { file: object("filename format detail", file), ...file }),
  input_file: object(`${part} detail filename`, file),
  document_url: object("type document_name document_image_limit document_page_limit", { document_url: reference }),
  // From other agents of the provider's.
  encrypted_content: object("type", { encrypted_content: sealed }),
});

/** Run by the client: their definitions are the provider's own and not in the body. */
const clientToolTokens = 1_536;
const clientTool = object("type allowed_callers display_width display_height environment", {}, (_, account) => {
  account.beyond += clientToolTokens;
});

const ownTool = object(
  `type function custom name description parameters strict format allowed_callers async defer_loading output_schema
   cache_control`,
  {},
  (tool, account) => account.printed(tool),
);

/** The tools of a request, and those that an item of a response's input adds. */
export const toolVerdicts = tagged(
  {
    ...each("function custom", ownTool),
    ...each("local_shell apply_patch computer_use_preview computer", clientTool),
    shell: object(
      "type allowed_callers",
      {
        environment: tagged({
          local: object("type skills"),
          ...each("container_auto container_reference", hosted),
        }),
      },
      (tool, account) => {
        account.beyond += clientToolTokens;
        if (!isRecord(tool.environment)) account.hosted("shell", tool);
      },
    ),
    ...each("web_search web_search_2025_08_26 web_search_preview web_search_preview_2025_03_11 x_search", hosted),
    ...each("file_search code_interpreter image_generation mcp tool_search programmatic_tool_calling", hosted),
  },
  { untagged: ownTool },
);
toolVerdicts.by.set("namespace", object("type name description", { tools: toolVerdicts }));

/** The same with a service's own. */
export const toolVerdictsWith = (own: Record<string, Verdict>): Verdict => ({
  ...toolVerdicts,
  by: new Map([...toolVerdicts.by, ...Object.entries(own)]),
});
