// Voice messages are Core Audio files, which few browsers play: this reads one when asked, and has it played as a plain sound.

const HEAD_BYTES = 44;
const SAMPLE_BYTES = 2;

class VoiceMessage extends HTMLElement {
  connectedCallback() {
    if (this.opener) return;
    this.opener = Object.assign(document.createElement("button"), { type: "button", textContent: "Play the voice message" });
    this.opener.addEventListener("click", () => this.play());
    this.prepend(this.opener);
  }

  async play() {
    this.opener.disabled = true;
    const sound = await this.read().catch(() => null);
    this.opener.replaceWith(sound === null ? "This browser cannot play it: save it instead. " : this.player(sound));
    this.querySelector("audio")?.focus();
  }

  async read() {
    const { soundIn } = await import(this.getAttribute("reader"));
    const answer = await fetch(this.getAttribute("src"));
    return wavOf(await soundIn(await answer.arrayBuffer()));
  }

  player(sound) {
    const src = URL.createObjectURL(sound);
    const player = Object.assign(document.createElement("audio"), { src, controls: true, autoplay: true });
    player.setAttribute("aria-label", "The voice message");
    return player;
  }
}
customElements.define("voice-message", VoiceMessage);

function wavOf({ samples, rateHz }) {
  const size = samples.length * SAMPLE_BYTES;
  const view = new DataView(new ArrayBuffer(HEAD_BYTES + size));
  const words = { 0: "RIFF", 8: "WAVE", 12: "fmt ", 36: "data" };
  for (const [at, word] of Object.entries(words)) [...word].forEach((letter, each) => view.setUint8(Number(at) + each, letter.charCodeAt(0)));
  const numbers = { 4: HEAD_BYTES - 8 + size, 16: 16, 24: rateHz, 28: rateHz * SAMPLE_BYTES, 40: size };
  for (const [at, number] of Object.entries(numbers)) view.setUint32(Number(at), number, true);
  [1, 1, SAMPLE_BYTES, SAMPLE_BYTES * 8].forEach((number, each) => view.setUint16([20, 22, 32, 34][each], number, true));
  samples.forEach((sample, at) => view.setInt16(HEAD_BYTES + at * SAMPLE_BYTES, Math.max(-1, Math.min(1, sample)) * 32_767, true));
  return new Blob([view.buffer], { type: "audio/wav" });
}
