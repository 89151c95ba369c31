/** Server-sent events, as the HTML standard has them. */

/** What a stream said up to a blank line; what was not said is absent. */
export interface Frame {
  data?: string;
  /** The event's id, which is kept even if there is no data. */
  id?: string;
  /** How long to wait before connecting again, in milliseconds. */
  retry?: number;
}

/** Bring the frames of *body*; one that is cut off at its end is none. *heard* is called whenever anything comes. */
export async function* framesOf(body: ReadableStream<Uint8Array>, heard: () => void): AsyncGenerator<Frame> {
  let frame: Frame = {};
  for await (const line of linesOf(body, heard)) {
    if (line !== "") {
      note(frame, line);
      continue;
    }
    yield frame;
    frame = {};
  }
}

function note(frame: Frame, line: string): void {
  const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
  if (name === "data") frame.data = frame.data === undefined ? value : `${frame.data}\n${value}`;
  if (name === "id" && !value.includes("\0")) frame.id = value;
  if (name === "retry" && /^\d+$/.test(value)) frame.retry = Number(value);
}

/** Bring the whole lines of *body*, which end by CR, LF or both, in pieces that end anywhere. */
async function* linesOf(body: ReadableStream<Uint8Array>, heard: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of piecesOf(body)) {
    heard();
    const lines = (rest + decoder.decode(piece, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** Read piece by piece: Safari cannot iterate over streams. */
async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
}
