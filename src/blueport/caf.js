// Core Audio files, which voice memos of Messages are and browsers do not read: Opus and plain samples.
// The description of the format is Apple's "Core Audio Format Specification"; its numbers are big-endian.

const SAMPLE_BYTES = 2;
const [IS_FLOAT, IS_LITTLE_ENDIAN] = [1, 2];

export const isCaf = (bytes) => new TextDecoder("latin1").decode(bytes.slice(0, 4)) === "caff";

// Samples of one channel, from -1 to 1, as a file.
export function cafOf(samples, rateHz) {
  const view = new DataView(new ArrayBuffer(8 + 12 + 32 + 12 + 4 + samples.length * SAMPLE_BYTES));
  word(view, 0, "caff");
  view.setUint16(4, 1);
  chunkHead(view, 8, "desc", 32);
  view.setFloat64(20, rateHz);
  word(view, 28, "lpcm");
  [0, SAMPLE_BYTES, 1, 1, SAMPLE_BYTES * 8].forEach((number, at) => view.setUint32(32 + at * 4, number));
  chunkHead(view, 52, "data", 4 + samples.length * SAMPLE_BYTES);
  samples.forEach((sample, at) => view.setInt16(68 + at * SAMPLE_BYTES, Math.max(-1, Math.min(1, sample)) * 32_767));
  return view.buffer;
}

// The first channel of a file: `{samples, rateHz}`; throws if it is coded in another way, or broken.
export async function soundIn(bytes) {
  const chunks = chunksOf(new DataView(bytes));
  const about = described(chunks.get("desc"));
  if (about.format === "lpcm") return { samples: plain(chunks.get("data"), about), rateHz: about.rateHz };
  if (about.format === "opus") return decoded(packetsOf(chunks), about);
  throw new RangeError("unknown coding");
}

const textAt = (view, at) => String.fromCharCode(...[0, 1, 2, 3].map((each) => view.getUint8(at + each)));

const word = (view, at, letters) => [...letters].forEach((letter, each) => view.setUint8(at + each, letter.charCodeAt(0)));

function chunkHead(view, at, name, size) {
  word(view, at, name);
  view.setBigInt64(at + 4, BigInt(size));
}

function chunksOf(view) {
  const found = new Map();
  for (let at = 8; at + 12 <= view.byteLength; ) {
    const told = Number(view.getBigInt64(at + 4));
    const size = told < 0 ? view.byteLength - at - 12 : told; // -1: to the end
    found.set(textAt(view, at), new DataView(view.buffer, at + 12, Math.min(size, view.byteLength - at - 12)));
    at += 12 + size;
  }
  return found;
}

function described(view) {
  const [flags, packetBytes, packetFrames, channels, bits] = [12, 16, 20, 24, 28].map((at) => view.getUint32(at));
  return { rateHz: view.getFloat64(0), format: textAt(view, 8), flags, packetBytes, packetFrames, channels, bits };
}

function plain(data, { flags, packetBytes, bits }) {
  const isLittle = (flags & IS_LITTLE_ENDIAN) !== 0;
  const read = flags & IS_FLOAT ? (at) => data.getFloat32(at, isLittle) : (at) => data.getInt16(at, isLittle) / 32_768;
  if (bits !== (flags & IS_FLOAT ? 32 : 16)) throw new RangeError("unknown samples");
  return Float32Array.from({ length: Math.floor((data.byteLength - 4) / packetBytes) }, (_, at) => read(4 + at * packetBytes));
}

// A table says how long each packet is: seven bits a byte, the eighth is set in all but the last.
function packetsOf(chunks) {
  const [table, data] = [chunks.get("pakt"), chunks.get("data")];
  const packets = [];
  let [at, from] = [24, 4];
  for (let left = Number(table.getBigInt64(0)); left > 0; left -= 1) {
    let size = 0;
    for (let more = true; more; at += 1) {
      size = size * 128 + (table.getUint8(at) & 127);
      more = table.getUint8(at) > 127;
    }
    packets.push(new Uint8Array(data.buffer, data.byteOffset + from, size));
    from += size;
  }
  return { packets, priming: table.getInt32(16) };
}

async function decoded({ packets, priming }, { rateHz, packetFrames, channels }) {
  const pieces = [];
  const failed = Promise.withResolvers();
  const decoder = new AudioDecoder({ output: (piece) => pieces.push(firstChannel(piece)), error: failed.reject });
  decoder.configure({ codec: "opus", sampleRate: rateHz, numberOfChannels: channels });
  packets.forEach((packet, at) => {
    decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: (at * packetFrames * 1e6) / rateHz, data: packet }));
  });
  await Promise.race([decoder.flush(), failed.promise]);
  decoder.close();
  return { samples: joined(pieces).subarray(priming), rateHz };
}

function firstChannel(piece) {
  const samples = new Float32Array(piece.numberOfFrames);
  piece.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
  piece.close();
  return samples;
}

function joined(pieces) {
  const whole = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
  return whole;
}
