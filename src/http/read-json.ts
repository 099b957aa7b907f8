import type * as z from "zod/mini";
import { GrowingBytes } from "../domain/growing-bytes.ts";
import { scanObject } from "../domain/scan-object.ts";
import { type Fault, Problem } from "../errors.ts";
import { wording } from "../schema/wording.ts";

/** Many times what any call takes; each may come to be a fault in the answer. */
const maxParts = 10_000;
const maxErrors = 50;

/** Keys through which a parsed body could reach an object's prototype. */
const prototypeKeys = new Set(["__proto__", "constructor", "prototype"]);

/**
 * The body as its schema has it, whatever its Content-Type says.
 *
 * @throws Problem `body_too_large`, `invalid_json`, `invalid_body`
 */
export async function readJson<S extends z.ZodMiniType>(
  request: Request,
  schema: S,
  { maxBytes, optional }: { maxBytes: number; optional: boolean },
): Promise<z.output<S>> {
  const text = decode(await readBytes(request, maxBytes));
  if (text.trim() === "") {
    if (!optional) throw new Problem("invalid_json", "The body is empty; send a JSON object.");
    return parseBody(schema, {});
  }
  const scan = scanObject(text, maxParts);
  if ("fault" in scan) throw new Problem(scan.tooMuch ? "body_too_large" : "invalid_json", sentence(scan.fault));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Problem("invalid_json", `The body is not valid JSON: ${(cause as Error).message.slice(0, 120)}`, {
      cause,
    });
  }
  refusePrototypeKeys(value);
  return parseBody(schema, value);
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = () => new Problem("body_too_large", `The body may be ${maxBytes} bytes at most.`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  if (!request.body) return new Uint8Array();
  const bytes = new GrowingBytes();
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new Problem("invalid_json", "The body broke off before its end.", { cause });
    });
    if (done) return bytes.whole();
    if (bytes.length + value.byteLength > maxBytes) {
      await reader.cancel().catch(() => undefined);
      throw tooLarge();
    }
    bytes.add(value);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new Problem("invalid_json", "The body is not valid UTF-8.", { cause });
  }
}

/** Without recursion: a body may be nested as deep as it is long. */
function refusePrototypeKeys(root: unknown): void {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null) continue;
    for (const key of Object.keys(value)) {
      if (prototypeKeys.has(key)) {
        throw new Problem("invalid_body", `The body may not have a field "${key}".`, {
          errors: [{ path: key, message: "is not allowed" }],
        });
      }
      open.push((value as Record<string, unknown>)[key]);
    }
  }
}

function parseBody<S extends z.ZodMiniType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value, wording);
  if (parsed.success) return parsed.data;
  throw invalid("invalid_body", parsed.error);
}

/**
 * The last one counts of a parameter that comes several times and is not `repeatable`.
 * @throws Problem `invalid_query` with each parameter that is wrong
 */
export function parseQuery<S extends z.ZodMiniType>(
  schema: S,
  params: URLSearchParams,
  repeatable: readonly string[] = [],
): z.output<S> {
  const lists = repeatable.filter((name) => params.has(name)).map((name) => [name, params.getAll(name)] as const);
  const parsed = schema.safeParse({ ...Object.fromEntries(params), ...Object.fromEntries(lists) }, wording);
  if (parsed.success) return parsed.data;
  throw invalid("invalid_query", parsed.error);
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;

function invalid(code: "invalid_body" | "invalid_query", error: z.core.$ZodError): Problem {
  const errors = error.issues.flatMap((issue): Fault[] => {
    const path = issue.path.join(".");
    if (issue.code === "invalid_key") return [{ path, message: `the name ${issue.issues[0]!.message}` }];
    if (issue.code === "too_big" && issue.origin === "array") {
      return [{ path, message: issue.message, most: Number(issue.maximum) }];
    }
    if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
    return issue.keys.map((key) => ({ path: path ? `${path}.${key}` : key, message: "is not a known field" }));
  });
  const first = errors[0]!;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return new Problem(
    code,
    `${first.path || (code === "invalid_body" ? "The body" : "The query")}: ${first.message}${more}.`,
    { errors: errors.slice(0, maxErrors) },
  );
}
