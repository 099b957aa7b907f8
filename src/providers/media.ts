import { imageSize } from "../domain/image-size.ts";
import type { ImageRule } from "./image-rules.ts";
import { isRecord } from "./wire.ts";

/** Where message content nests. Everything else (tool arguments, schemas) is text to the provider, whatever it holds. */
const nests = new Set([
  "content",
  "contents",
  "fileData",
  "file",
  "functionResponse",
  "function_response",
  "messages",
  "output",
  "parts",
  "requests",
]);

/**
 * Tokens of the media in `roots` beyond their own bytes.
 *
 * Bytes bound what is text. Media are bounded by the operator's setting, and at least by the dearest image that the
 * model takes: each that is named (an address, a file's id) counts as that much. So does one that is carried as base64,
 * and at least by its bytes: a document or a sound can be packed without limit. An image counts by its size instead,
 * where that can be told for certain.
 */
export function mediaTokens(roots: readonly unknown[], perReference: number, image: ImageRule): number {
  let beyond = 0;
  const reference = Math.max(perReference, image.dearest);

  const carried = (data: string, mediaType: string, prefix = 0): void => {
    if (!mediaType.startsWith("image/")) {
      beyond += Math.max(0, reference - data.length);
      return;
    }
    const size = imageSize(data.slice(prefix), image.urlSafeBase64);
    beyond += (size === undefined ? reference : image.tokens(size, data.length)) - data.length;
  };
  const named = (): void => {
    beyond += reference;
  };
  const address = (value: unknown): void => {
    const url = isRecord(value) ? value.url : value;
    if (typeof url !== "string") return;
    const data = /^data:([^;,]*)[^,]*,/i.exec(url.slice(0, 256));
    if (data) carried(url, data[1]!.toLowerCase(), data[0].length);
    else named();
  };

  const pending: unknown[] = [...roots];
  while (pending.length > 0) {
    const node = pending.pop();
    if (Array.isArray(node)) {
      for (const item of node) pending.push(item);
      continue;
    }
    if (!isRecord(node)) continue;
    for (const key in node) {
      const value = node[key];
      switch (key) {
        case "source":
          if (!isRecord(value)) break;
          if (typeof value.data === "string" && value.type !== "text") carried(value.data, String(value.media_type));
          else if (value.type === "url" || value.type === "file") named();
          else pending.push(value);
          break;
        case "image_url":
        case "video_url":
        case "audio_url":
          address(value);
          break;
        case "file_id":
        case "file_url":
        case "fileUri":
        case "file_uri":
          if (typeof value === "string") named();
          break;
        case "file_data":
          if (typeof value !== "string") pending.push(value);
          else if (/^https?:/i.test(value)) named();
          // A file is a document, whatever media type its data claims.
          else carried(value, "application/octet-stream");
          break;
        case "inlineData":
        case "inline_data":
          if (isRecord(value) && typeof value.data === "string") {
            carried(value.data, String(value.mimeType ?? value.mime_type).toLowerCase());
          }
          break;
        case "input_audio":
          if (isRecord(value) && typeof value.data === "string") carried(value.data, "audio/*");
          break;
        case "audio":
          // A sound of an earlier answer, by its id.
          if (isRecord(value) && typeof value.id === "string") named();
          break;
        default:
          if (nests.has(key)) pending.push(value);
      }
    }
  }
  return beyond;
}
