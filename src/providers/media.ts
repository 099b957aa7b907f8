import { imagePixels } from "../domain/image-pixels.ts";
import { isRecord } from "./wire.ts";

/** What an image that the body carries costs at least, by the provider's own rule. */
export interface ImageCost {
  base: number;
  pixelsPerToken: number;
}

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
 * Bytes bound what is text. Media are bounded by the operator's setting: each that is named (an address, a file's
 * id) counts as that much. One that is carried as base64 counts by its bytes; an image at most by the setting or by
 * what its model asks for the smallest, and at least by its pixels, for a blank one has few bytes; one whose pixels
 * cannot be told, a document or a sound at least by the setting, for all of these can be packed without limit.
 */
export function mediaTokens(roots: readonly unknown[], perReference: number, image: ImageCost): number {
  let beyond = 0;
  const dearestImage = Math.max(perReference, image.base);

  const carried = (data: string, mediaType: string, prefix = 0): void => {
    if (!mediaType.startsWith("image/")) {
      beyond += Math.max(0, perReference - data.length);
      return;
    }
    const pixels = imagePixels(data.slice(prefix)) ?? Number.POSITIVE_INFINITY;
    const least = Math.min(dearestImage, image.base + Math.ceil(pixels / image.pixelsPerToken));
    beyond += Math.max(least, Math.min(data.length, dearestImage)) - data.length;
  };
  const named = (tokens = perReference): void => {
    beyond += tokens;
  };
  const address = (value: unknown): void => {
    const url = isRecord(value) ? value.url : value;
    if (typeof url !== "string") return;
    const data = /^data:([^;,]*)[^,]*,/i.exec(url.slice(0, 256));
    if (data) carried(url, data[1]!.toLowerCase(), data[0].length);
    else named(dearestImage);
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
