/** One JSON document a line, of a stream of bytes. An unfinished last line is no document: whoever sent it was interrupted. */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  // Pieces of one line are joined once it is complete: a large object comes in many.
  let pieces: string[] = [];
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      pieces.push(text.slice(start, end));
      start = end + 1;
      const line = pieces.join("");
      pieces = [];
      if (line.trim() !== "") yield JSON.parse(line);
    }
    if (start < text.length) pieces.push(text.slice(start));
  }
}
