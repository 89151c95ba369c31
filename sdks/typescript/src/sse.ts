/** Server-sent events, as the HTML standard has them. */

/** What a stream said up to a blank line; what was not said is absent. */
export interface Frame {
  data?: string;
  /** The event's id, which is kept even if there is no data; absent if no header could bear it. */
  id?: string;
  /** How long to wait before connecting again, in milliseconds. */
  retry?: number;
}

/** Tell whether *id* can name a place to go on from, in a header. */
export function isPlace(id: string): boolean {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(id);
}

/** Bring the frames of a body that comes in *pieces*; one that is cut off at its end is none. */
export async function* framesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let frame: Frame = {};
  for await (const line of linesOf(pieces)) {
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
  if (name === "id" && isPlace(value)) frame.id = value;
  if (name === "retry" && /^\d+$/.test(value)) frame.retry = Number(value);
}

/** Bring the whole lines of *pieces*, which end by CR, LF or both; the pieces end anywhere. */
async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
