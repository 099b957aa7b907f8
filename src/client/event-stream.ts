/** One server-sent event; its data is parsed as JSON. */
export interface ServerEvent {
  id?: string | undefined;
  event: string;
  data: unknown;
}

/** Server-sent events, whose data is JSON. Comments and fields that nobody needs here are passed over. */
export async function* readEventStream(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const found = eventIn(block);
        if (found) yield found;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function eventIn(block: string): ServerEvent | undefined {
  const fields: Record<string, string> = {};
  for (const line of block.split(/\r?\n/)) {
    // Text may have line separators, which end no line here.
    const [, name, value] = /^(\w+): ?(.*)$/s.exec(line) ?? [];
    if (name === undefined) continue;
    fields[name] = name === "data" && fields.data !== undefined ? `${fields.data}\n${value}` : (value ?? "");
  }
  if (fields.data === undefined) return undefined;
  return { id: fields.id, event: fields.event ?? "message", data: JSON.parse(fields.data) };
}
