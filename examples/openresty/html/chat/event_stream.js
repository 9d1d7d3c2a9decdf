// Server-Sent Events (HTML standard, 9.2), read from the body of a response.

/**
 * Splits a stream of bytes into events, each { type, data, id }. Lines end with LF
 * or CRLF. Yields null whenever bytes arrive, which may complete no event.
 */
export async function* parseEvents(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = {};
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield null;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const [, field, content] = /^([^:]*):? ?(.*)$/s.exec(line.replace(/\r$/, ""));
        if (field === "data") event.data = event.data === undefined ? content : `${event.data}\n${content}`;
        else if (field === "event") event.type = content;
        else if (field === "id") event.id = content;
        else if (field === "" && !line.startsWith(":")) {
          if (event.data !== undefined) yield event;
          event = {};
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // It may have failed already.
  }
}
