import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createScrubs } from "../../../src/proxy/scrub.ts";
import { createSpellingSearch } from "../../../src/proxy/spelling-search.ts";
import { masterKey, type ProxyStand, proxyStand, type Transport } from "../../proxy-stand.ts";

/** A master key that the upstream gives back is in nothing that reaches the client. */

const spellings = (key: string): [string, string][] => {
  const escapes = (separator: string) =>
    Array.from(Buffer.from(key), (byte) => separator + byte.toString(16).padStart(2, "0")).join("");
  return [
    ["as it is", key],
    ["JSON-escaped", JSON.stringify(key).slice(1, -1)],
    ["escaped as Unicode", escapes("\\u00")],
    ["percent-encoded", key.replace(/[^A-Za-z0-9]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)],
    ["percent-encoded in full", escapes("%")],
    ["in hex", escapes("")],
    ...["", "u", "us"].map((before): [string, string] => [
      `in base64 after ${before.length} bytes`,
      Buffer.from(`${before}${key}:rest`).toString("base64"),
    ]),
    ["in base64url", Buffer.from(`user:${key}`).toString("base64url")],
  ];
};
/** The texts that must not be there: of base64, the part that is the key's alone. */
const secretParts = (key: string): string[] => {
  const alone = [0, 1, 2].map((offset) => {
    const text = Buffer.from("\0".repeat(offset) + key).toString("base64url");
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + key.length) * 8) / 6));
  });
  return [
    ...spellings(key)
      .slice(0, 6)
      .map(([, text]) => text),
    ...alone,
  ];
};
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

describe("the search for a key", () => {
  it("finds every spelling wherever the bytes are cut, and leaves all else as it is", () => {
    const texts = fc.array(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.constantFrom(...spellings(masterKey).map(([, text]) => text)),
        fc.constantFrom(...spellings(masterKey).map(([, text]) => text.slice(0, 9))),
      ),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(texts, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (parts, sizes) => {
        const bytes = Buffer.from(parts.join("|"));
        const scrub = createScrubs()([masterKey]);
        const stream = scrub.stream();
        const passed: Uint8Array[] = [];
        let at = 0;
        for (let turn = 0; at < bytes.length; turn++) {
          const piece = Buffer.from(bytes.subarray(at, at + sizes[turn % sizes.length]!));
          passed.push(new Uint8Array(stream.push(piece)));
          piece.fill(0x22);
          at += sizes[turn % sizes.length]!;
        }
        passed.push(stream.end() ?? new Uint8Array());
        const streamed = Buffer.concat(passed);
        expect(streamed.equals(Buffer.from(scrub.whole(bytes)))).toBe(true);
        for (const part of secretParts(masterKey)) expect(streamed.includes(part)).toBe(false);
        const clean = parts.filter((part) => !scrub.finds(latin1(Buffer.from(part))));
        for (const part of clean) expect(streamed.includes(part)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it("finds what a plain look at each place finds", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "0"), minLength: 2, maxLength: 90 });
    fc.assert(
      fc.property(fc.uniqueArray(text, { minLength: 1, maxLength: 5 }), fc.array(text), (texts, parts) => {
        const search = createSpellingSearch(texts.map((one) => Buffer.from(one)));
        const bytes = Buffer.from(parts.join(""));
        for (let from = 0; from <= bytes.length; from++) {
          const places = texts.map((one) => bytes.indexOf(one, from)).filter((at) => at !== -1 && from < bytes.length);
          const at = places.length === 0 ? -1 : Math.min(...places);
          expect(search.find(bytes, from)).toBe(at);
          const there = texts.filter((one) => at !== -1 && bytes.subarray(at).indexOf(one) === 0);
          if (at !== -1) expect(search.lengthAt(bytes, at)).toBe(Math.max(...there.map(({ length }) => length)));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("hands bytes on untouched and at once, unless their end may be the key's beginning", () => {
    const stream = createScrubs()([masterKey]).stream();
    const event = Buffer.from('data: {"text":"some words"}\n\n');
    expect(stream.push(event)).toBe(event);
    expect(latin1(stream.push(Buffer.from(`word ${masterKey.slice(0, 5)}`)))).toBe("word ");
    expect(latin1(stream.push(Buffer.from(" goes on")))).toBe(`${masterKey.slice(0, 5)} goes on`);
    expect(stream.end()).toBeUndefined();
  });

  it("takes no word of the language for a key", () => {
    for (const key of ["ollama", "EMPTY", "lm-studio", "none", "x", "not-needed"]) {
      expect(latin1(createScrubs()([key]).whole(Buffer.from(`The word ${key} stays`)))).toContain(key);
    }
    expect(latin1(createScrubs()(["sk-1234"]).whole(Buffer.from("sk-1234!")))).toBe("[redacted]!");
  });
});

describe.each<Transport>(["node", "fetch"])("over %s", (transport) => {
  let upstream: Server;
  let stand: ProxyStand;
  let answer: { status?: number; headers?: Record<string, string>; pieces: (string | Buffer)[] };
  beforeAll(async () => {
    upstream = createServer((request, response) => {
      request.resume().on("end", async () => {
        response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
        for (const piece of answer.pieces) {
          response.write(piece);
          await new Promise((resolve) => setImmediate(resolve));
        }
        response.end();
      });
    });
    await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    stand = await proxyStand({ upstream: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` });
  });
  afterAll(async () => {
    await stand.close();
    upstream.closeAllConnections();
    upstream.close();
  });
  async function ask(key = stand.key, path = "/proxy/openai/v1/chat/completions") {
    const response = await stand.fetchBy(transport)(path, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: "m", messages: [] }),
    });
    return { response, text: await response.text() };
  }

  it.each(spellings(masterKey))("a reflected key is scrubbed from answers, streams and errors: %s", async (_, text) => {
    const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
    const json = `{"seen":"x ${text} y","choices":[],"usage":${JSON.stringify(usage)}}`;
    const events = `data: {"choices":[{"delta":{"content":"x ${text} y"}}]}\n\ndata: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`;
    const stream = { "content-type": "text/event-stream" };
    for (const [body, headers] of [
      [json, {}],
      [events, stream],
    ] as const) {
      for (const pieces of [[body], [...body]]) {
        answer = { pieces, headers };
        const asked = await ask();
        for (const part of secretParts(masterKey)) expect(asked.text).not.toContain(part);
        expect(asked.text).toContain("[redacted]");
        expect(asked.text).toContain('"x ');
        expect(asked.text).toContain(' y"');
      }
    }
    answer = { status: 400, pieces: [`{"error":{"message":"bad key ${text}"}}`] };
    expect((await ask()).text).toContain("[redacted]");
    answer = { pieces: [json], headers: { "x-request-id": `req ${text}`, "retry-after": "1" } };
    const { response } = await ask();
    expect(response.headers.get("x-request-id") ?? "").not.toContain(text);
    expect(response.headers.get("retry-after")).toBe("1");
  });

  it("of an upstream's headers only those that clients use go on", async () => {
    const kept = {
      "request-id": "r",
      "x-request-id": "r",
      "retry-after": "1",
      "x-should-retry": "false",
      "openai-processing-ms": "5",
      "openai-version": "2020-10-01",
      "x-ratelimit-remaining-tokens": "9",
      "anthropic-ratelimit-requests-limit": "9",
      "cache-control": "no-store",
    };
    const dropped = {
      "x-accel-redirect": "/etc/passwd",
      "x-sendfile": "/etc/passwd",
      refresh: "0; url=http://elsewhere",
      location: "http://elsewhere",
      "content-location": "/elsewhere",
      link: "</x>; rel=preload",
      "openai-organization": "org-operator",
      "anthropic-organization-id": "org-operator",
      "openai-project": "proj",
      "set-cookie": "a=b",
      "access-control-allow-origin": "*",
      "x-litellm-key-spend": "1",
      "x-other": "1",
    };
    answer = { pieces: ["{}"], headers: { ...kept, ...dropped } };
    for (const status of [200, 400]) {
      answer.status = status;
      const { response } = await ask();
      for (const [name, value] of Object.entries(kept)) expect(response.headers.get(name), name).toBe(value);
      for (const name of Object.keys(dropped)) expect(response.headers.get(name), name).toBeNull();
    }
  });

  it("an event stream tells the proxies before it to hand on each event as it comes", async () => {
    for (const own of [undefined, "public, max-age=60"]) {
      const type = "text/event-stream; charset=utf-8";
      answer = { pieces: ["data: {}\n\n"], headers: { "content-type": type, ...(own && { "cache-control": own }) } };
      const { response } = await ask();
      expect(response.headers.get("x-accel-buffering")).toBe("no");
      expect(response.headers.get("cache-control")).toBe("no-cache");
    }
    answer = { pieces: ["{}"], headers: { "content-type": "application/json" } };
    const { response } = await ask();
    expect(response.headers.get("x-accel-buffering")).toBeNull();
    expect(response.headers.get("cache-control")).toBeNull();
  });

  it("no answer is a page: not the provider's, not a refusal, not of an address where nothing is", async () => {
    answer = { pieces: ["<script>"], headers: { "content-type": "text/html" } };
    const answers = [
      await ask(),
      await ask("ocv_wrong"),
      await ask(stand.key, "/proxy/openai/v1/elsewhere"),
      await ask(stand.key, "/proxy/nobody/x"),
    ];
    answer.status = 302;
    answers.push(await ask());
    answer.status = 500;
    answers.push(await ask());
    expect(answers.map(({ response }) => response.status)).toEqual([200, 401, 403, 401, 502, 500]);
    for (const { response } of answers) {
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("content-security-policy")).toBe("sandbox");
    }
  });
});
