import type { Content, FunctionDeclaration, Part, Tool } from "@google/genai";
import fc from "fast-check";
import { describe, it } from "vitest";
import { geminiWire as gemini } from "../../src/providers/gemini/wire.ts";
import { checkReservations, mediaReferenceTokens, runsOfField } from "../reservations/check.ts";
import { geminiImages, images } from "../reservations/images.ts";
import { type Cost, either, harmless, listOf, object, type Piece, piece, unbounded } from "../reservations/piece.ts";
import { jsonObjects, jsonSchemas, names, texts } from "../reservations/texts.ts";
import { geminiTokens, pythonJson } from "../reservations/tokenizers.ts";

type Of<T> = fc.Arbitrary<Piece<T>>;

const text = texts(geminiTokens);
const name = names.map((value) => piece(value, { tokens: geminiTokens(value) }));
const anObject = jsonObjects(geminiTokens);
const schema = jsonSchemas((value) => geminiTokens(pythonJson(value)));
const named: Cost = { tokens: mediaReferenceTokens, allowance: mediaReferenceTokens };
const frame = (): Cost => ({ tokens: 5 });
const fileUri = "https://generativelanguage.googleapis.com/v1beta/files/x";

const inlineImage: Of<Part> = images.chain(({ data, mediaType, size }) => {
  const tokens = size ? geminiImages(...size) : mediaReferenceTokens;
  // Protobuf's JSON takes both alphabets and both spellings.
  const urlSafe = data.replaceAll("+", "-").replaceAll("/", "_");
  const cost = { tokens, allowance: Math.max(tokens * 1.1 + 64, 2_240) };
  return fc.constantFrom(
    piece<Part>({ inlineData: { mimeType: mediaType, data } }, cost),
    piece<Part>({ inlineData: { mimeType: mediaType, data: urlSafe } }, cost),
    piece<Part>({ inline_data: { mime_type: mediaType, data } } as unknown as Part, cost),
  );
});
const part = either<Part>(
  object<Part>({ text }),
  inlineImage,
  fc.constantFrom(
    piece<Part>({ fileData: { fileUri, mimeType: "application/pdf" } }, named),
    piece<Part>({ file_data: { file_uri: fileUri } } as unknown as Part, named),
    piece<Part>({ inlineData: { mimeType: "application/pdf", data: "JVBERi0xLjc=" } }, named),
    piece<Part>({ inlineData: { mimeType: "audio/wav", data: "AAAA" } }, named),
    piece<Part>({ inlineData: { mimeType: "video/mp4", data: "AAAA" } }, named),
  ),
  object<{ name: string; args: Record<string, unknown> }>({ name, args: anObject }, [], frame).map((one) => ({
    ...one,
    json: { functionCall: one.json } as Part,
  })),
  object<{ name: string; response: Record<string, unknown> }>({ name, response: anObject }, [], frame).map((one) => ({
    ...one,
    json: { functionResponse: one.json } as Part,
  })),
);
/** Asks for so many tokens by name. */
const finePart: Of<Part> = images.map(({ data, mediaType }) =>
  piece<Part>(
    { inlineData: { mimeType: mediaType, data }, mediaResolution: { numTokens: 900_000 } },
    { tokens: 900_000, allowance: 2_000_000, mayBeRefused: true },
  ),
);

const content = (one: Of<Part>): Of<Content> =>
  object<Content>({ role: harmless("user", "model"), parts: listOf(one, 1, 3) }, ["role"], frame);
const contents = listOf(content(part), 1, 3);

const declaration = object<FunctionDeclaration>(
  { name, description: text, parametersJsonSchema: schema as Of<never> },
  ["description", "parametersJsonSchema"],
  frame,
);
const tools = listOf(object<Tool>({ functionDeclarations: listOf(declaration, 1, 3) }), 1, 2);

const config = fc
  .tuple(fc.integer({ min: 1, max: 64_000 }), fc.constantFrom(undefined, 1, 4))
  .map(([most, answers]) => {
    const output = most * (answers ?? 1);
    const json = {
      maxOutputTokens: most,
      temperature: 0,
      ...(answers === undefined ? {} : { candidateCount: answers }),
    };
    return piece(json, { tokens: output, allowance: output });
  });

const honest = {
  contents,
  generationConfig: config,
  systemInstruction: content(object<Part>({ text })),
  tools,
  toolConfig: harmless({ functionCallingConfig: { mode: "AUTO" } }),
  safetySettings: harmless([{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }]),
};
const optional = ["systemInstruction", "tools", "toolConfig", "safetySettings"];
const asked = (fields: object): Of<unknown> =>
  object({ ...honest, ...fields } as never, optional.filter((field) => !(field in fields)) as never[]) as Of<unknown>;

const model = "/v1beta/models/gemini-3-pro";

describe.each(["generateContent", "streamGenerateContent"])("%s", (call) => {
  it("reserves at least what it costs, and hardly more than its bytes", () => {
    checkReservations(gemini, `${model}:${call}`, asked({}));
  });

  it.each([
    ["cachedContent", unbounded("cachedContents/x")],
    ["contents", listOf(content(either(part, finePart)), 1, 3)],
    [
      "tools",
      listOf(
        either<unknown>(
          unbounded({ googleSearch: {} }),
          unbounded({ urlContext: {} }),
          unbounded({ codeExecution: {} }),
          unbounded({ fileSearch: { fileSearchStoreNames: ["x"] } }),
          unbounded({ google_search: {} }),
        ),
        1,
        2,
      ),
    ],
  ])("bounds or refuses %s that stand for what the request does not hold", (field, value) => {
    checkReservations(gemini, `${model}:${call}`, asked({ [field]: value }), runsOfField);
  });
});

it("reserves for embeddings at least what they cost, and hardly more than their bytes", () => {
  const one = content(object<Part>({ text }));
  checkReservations(gemini, `${model}:embedContent`, object<{ content: Content }>({ content: one }));
  const request = object<{ model: string; content: Content }>({ model: "models/gemini-embedding-001", content: one });
  const batch = object<{ requests: unknown[] }>({ requests: listOf<unknown>(request, 1, 3) });
  checkReservations(gemini, `${model}:batchEmbedContents`, batch);
});
