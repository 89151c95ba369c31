// Voice memos: a waveform that fills as it is played, and below it what is said.

import { button, drawing, element, icon, vector } from "./elements.js";
import { bufferOf, peaksOf, Player } from "./sounds.js";
import { durationOf } from "./words.js";

const BARS = 34;
const [BAR_PX, APART_PX, HEIGHT_PX] = [2.5, 4.5, 28];
const PLAY = "M8 5v14l11-7z";
const PAUSE = "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z";

// *save* is the link by which the file is kept.
export function memoBubble(path, save, transcription) {
  const opener = button("play", "Play the voice memo", icon(PLAY));
  const wave = drawing(`0 0 ${BARS * APART_PX} ${HEIGHT_PX}`);
  const time = element("span", "time", "");
  wave.classList.add("wave");
  opener.disabled = true;
  drawBars(wave, Array(BARS).fill(0));
  const made = element("span", "bubble voice tail", element("span", "player", opener, wave, time, save));
  if (transcription !== null) made.append(element("q", "", transcription));
  fill(path, { opener, wave, time });
  return made;
}

// By path, those that are heard now: a bubble that is drawn anew goes on with its own.
const playing = new Map();

async function fill(path, parts) {
  const player = playing.get(path) ?? (await loaded(path));
  if (player === null) {
    parts.opener.setAttribute("aria-label", "This browser cannot play the voice memo");
    return;
  }
  drawBars(parts.wave, peaksOf(player.buffer, BARS));
  parts.opener.disabled = false;
  parts.opener.addEventListener("click", () => toggle(path, player, parts));
  show(path, player, parts);
}

async function loaded(path) {
  const answer = await fetch(path).catch(() => null);
  const buffer = answer?.ok ? await bufferOf(await answer.arrayBuffer()) : null;
  return buffer === null ? null : new Player(buffer);
}

async function toggle(path, player, parts) {
  if (player.isPlaying) {
    player.pause();
    return;
  }
  await player.play();
  playing.set(path, player);
  show(path, player, parts);
}

function show(path, player, parts) {
  player.onStop = () => {
    playing.delete(path);
    showState(player, parts);
  };
  showState(player, parts);
  requestAnimationFrame(() => follow(player, parts));
}

function follow(player, parts) {
  if (!player.isPlaying || !parts.wave.isConnected) return;
  showProgress(player, parts);
  requestAnimationFrame(() => follow(player, parts));
}

function showState(player, parts) {
  parts.opener.setAttribute("aria-label", player.isPlaying ? "Pause the voice memo" : "Play the voice memo");
  parts.opener.querySelector("path").setAttribute("d", player.isPlaying ? PAUSE : PLAY);
  showProgress(player, parts);
}

function showProgress({ position, buffer }, { wave, time }) {
  const played = Math.ceil((position / buffer.duration) * BARS);
  [...wave.children].forEach((bar, at) => bar.classList.toggle("played", at < played));
  time.textContent = durationOf(position > 0 ? position : buffer.duration);
}

function drawBars(wave, peaks) {
  const bars = peaks.map((peak, at) => {
    const height = Math.max(BAR_PX, peak * HEIGHT_PX);
    const y = (HEIGHT_PX - height) / 2;
    return vector("rect", { x: at * APART_PX, y, width: BAR_PX, height, rx: BAR_PX / 2 });
  });
  wave.replaceChildren(...bars);
}
