// Sounds as the browser has them: read out of any file that can be read, drawn, played, and recorded.

import { cafOf, isCaf, soundIn } from "./caf.js";

const RATE_HZ = 48_000;
const MEMO_RATE_HZ = 24_000;

let speaker; // one for all, begun by the first who presses "play": before that a browser allows none

// The AudioBuffer of a file, null if this browser cannot read it.
export async function bufferOf(bytes) {
  try {
    if (isCaf(bytes)) return buffered(await soundIn(bytes));
    return await new OfflineAudioContext(1, 1, RATE_HZ).decodeAudioData(bytes);
  } catch {
    return null;
  }
}

function buffered({ samples, rateHz }) {
  const made = new AudioBuffer({ length: samples.length, sampleRate: rateHz });
  made.copyToChannel(samples, 0);
  return made;
}

// How loud each of *count* stretches is, the loudest 1; silence is 0 throughout.
export function peaksOf(buffer, count) {
  const samples = buffer.getChannelData(0);
  const stretch = Math.max(1, Math.floor(samples.length / count));
  const peaks = Array.from({ length: count }, (_, at) => loudest(samples.subarray(at * stretch, (at + 1) * stretch)));
  const most = Math.max(...peaks);
  return peaks.map((peak) => (most > 0 ? peak / most : 0));
}

const loudest = (samples) => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);

// Plays a buffer, and goes on where it was stopped; `onStop` hears of the end.
export class Player {
  constructor(buffer) {
    Object.assign(this, { buffer, onStop: () => {}, source: null, from: 0, begun: 0 });
  }

  get isPlaying() {
    return this.source !== null;
  }

  get position() {
    const played = this.isPlaying ? speaker.currentTime - this.begun : 0;
    return Math.min(this.buffer.duration, this.from + played);
  }

  async play() {
    speaker ??= new AudioContext();
    await speaker.resume();
    const source = new AudioBufferSourceNode(speaker, { buffer: this.buffer });
    source.connect(speaker.destination);
    source.addEventListener("ended", () => this.ended(source));
    Object.assign(this, { source, begun: speaker.currentTime });
    source.start(0, this.from);
  }

  pause() {
    const { source, position } = this;
    Object.assign(this, { source: null, from: position });
    source.stop();
    this.onStop();
  }

  ended(source) {
    if (source !== this.source) return;
    Object.assign(this, { source: null, from: 0 });
    this.onStop();
  }
}

// Records until `stop`, which gives the file, of the form of Messages' own memos.
export class Recorder {
  static async begun() {
    if (!navigator.mediaDevices || !window.MediaRecorder) throw new Error("This browser cannot record.");
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => {
      throw new Error("There is no microphone, or it may not be used. Choose a sound by + instead.");
    });
    return new Recorder(stream);
  }

  constructor(stream) {
    Object.assign(this, { stream, pieces: [], begun: performance.now(), recorder: new MediaRecorder(stream) });
    this.recorder.addEventListener("dataavailable", ({ data }) => this.pieces.push(data));
    this.recorder.start();
  }

  get seconds() {
    return (performance.now() - this.begun) / 1000;
  }

  async stop() {
    const stopped = new Promise((then) => this.recorder.addEventListener("stop", then, { once: true }));
    this.recorder.stop();
    await stopped;
    for (const track of this.stream.getTracks()) track.stop();
    const buffer = await bufferOf(await new Blob(this.pieces).arrayBuffer());
    if (buffer === null) throw new Error("Nothing was recorded.");
    return new File([cafOf(await narrowed(buffer), MEMO_RATE_HZ)], "Audio Message.caf", { type: "audio/x-caf" });
  }
}

async function narrowed(buffer) {
  const context = new OfflineAudioContext(1, Math.ceil(buffer.duration * MEMO_RATE_HZ), MEMO_RATE_HZ);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}
