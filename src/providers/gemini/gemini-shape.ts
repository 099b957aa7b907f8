import { textOf } from "../shared/body-fields.ts";
import {
  accounted,
  each,
  hosted,
  model,
  object,
  printed,
  read,
  reference,
  refused,
  type Shape,
  type Verdict,
  withSnakeCase,
} from "../shared/shape.ts";

const camel = (harmless: string, others?: Record<string, Verdict>, also?: Shape["also"]): Shape =>
  withSnakeCase(object(harmless, others, also));

const blob = camel("mimeType data displayName", {}, ({ data, mimeType, mime_type }, { media }) => {
  // A picture may be another medium too: where two types are said, nobody knows which one counts.
  const type = mimeType === undefined || mime_type === undefined ? textOf(mimeType ?? mime_type) : "";
  if (typeof data === "string") media.carried(data, type.toLowerCase());
});
const file = camel("mimeType displayName", { fileUri: reference });

/** @param allowed what costs no more than is accounted for */
const only = (reason: string, allowed: (value: unknown) => boolean): Verdict =>
  read((value, account) => {
    if (value !== undefined && value !== null && !allowed(value)) account.unbounded ??= reason;
  });
const processing = only(
  "mediaProcessing other than STATIC runs at the provider, and reads what the request does not hold",
  (value) => value === "STATIC" || value === "MEDIA_PROCESSING_UNSPECIFIED",
);

const part = camel(
  `text thought thoughtSignature executableCode codeExecutionResult audioTranscription partMetadata speechMetadata`,
  {
    ...each("toolCall toolResponse", printed),
    inlineData: blob,
    fileData: file,
    functionCall: printed,
    functionResponse: camel("id name scheduling willContinue", {
      response: printed,
      parts: camel("", { inlineData: blob, fileData: file, mediaProcessing: processing }),
    }),
    mediaProcessing: processing,
    mediaResolution: camel("level", { numTokens: refused("mediaResolution.numTokens sets what a medium costs") }),
    videoMetadata: camel("startOffset endOffset", {
      fps: only(
        "more than a frame a second makes a video cost more",
        (value) => typeof value === "number" && value <= 1,
      ),
    }),
  },
);
const content = camel("role", { parts: part });

const geminiTools = camel("", {
  functionDeclarations: printed,
  ...each(
    `googleSearch googleSearchRetrieval googleMaps urlContext codeExecution retrieval enterpriseWebSearch fileSearch
     mcpServers exaAiSearch parallelAiSearch`,
    hosted,
  ),
  computerUse: refused("the definitions of computerUse are the provider's own, and of no known size"),
});

const voice = camel("prebuiltVoiceConfig voice", {
  replicatedVoiceConfig: refused("a voice to imitate is input that nothing bounds"),
});

export const generationShape = camel(
  `temperature topP topK seed stopSequences presencePenalty frequencyPenalty responseLogprobs logprobs responseMimeType
   responseModalities mediaResolution audioTimestamp enableAffectiveDialog
   enableEnhancedCivicAnswers thinkingConfig imageConfig translationConfig audioTranscriptionConfig`,
  {
    ...each("maxOutputTokens candidateCount", accounted),
    ...each("responseSchema responseJsonSchema", printed),
    speechConfig: camel("languageCode", {
      voiceConfig: voice,
      multiSpeakerVoiceConfig: camel("", { speakerVoiceConfigs: camel("speaker", { voiceConfig: voice }) }),
    }),
    responseFormat: camel("image audio", { text: printed, video: refused("a video is billed by its length") }),
    routingConfig: camel("", {
      manualMode: camel("", { modelName: model }),
      autoMode: refused("routingConfig.autoMode lets the provider choose the model"),
    }),
    modelSelectionConfig: refused("modelSelectionConfig lets the provider choose the model"),
  },
);

const embedding =
  "taskType title outputDimensionality embedContentConfig mimeType autoTruncate documentOcr audioTrackExtraction";

const call = {
  model,
  ...each("contents content", content),
  systemInstruction: content,
  tools: geminiTools,
  generationConfig: generationShape,
  cachedContent: refused("cachedContent stands for input that the request does not hold"),
  ...each("continuationToken automaticContinuation", refused("an answer that goes on is bounded by no one request")),
  ...each("generationOutputConfig modelArmorConfig", refused("the answer goes through another service")),
};
const harmless = "toolConfig safetySettings labels serviceTier store";

/** The fields that the calls of a model take. */
export const geminiShape = camel(`${harmless} ${embedding}`, {
  ...call,
  requests: camel(embedding, { model, content }),
  generateContentRequest: camel(harmless, call),
});
