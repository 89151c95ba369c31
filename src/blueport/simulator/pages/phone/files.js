// The files of a message: pictures and films in place, memos and cards as what they are, others to keep.

import { cardBubble, isCard } from "./cards.js";
import { button, byId, element, icon } from "./elements.js";
import { memoBubble } from "./memos.js";
import { pathOfFile } from "./server.js";
import { sizeOf } from "./words.js";

// The server hands out other types as files to keep only.
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const FILMS = ["video/mp4", "video/quicktime", "video/webm"];
const DOWN = "M12 4v12M7 11.5l5 5 5-5M5 20h14";
const PAGE = "M6 2.5h8l5 5v14H6zM14 2.5v5h5";
const MOST_BYTES = 45_000_000; // what the simulator takes, as JSON

export function fileBubble(person, file, { isAudio }) {
  const path = pathOfFile(person, file);
  if (isAudio) return memoBubble(path, saveLink(path, file), file.transcription);
  if (PICTURES.includes(file.mime_type)) return pictureBubble(path, file);
  if (FILMS.includes(file.mime_type)) return filmBubble(path, file);
  return isCard(file) ? cardBubble(path, file, saveLink(path, file)) : plainBubble(path, file);
}

function saveLink(path, file, ...children) {
  const link = element("a", "save", ...(children.length ? children : [icon(DOWN)]));
  Object.assign(link, { href: path, download: file.filename });
  if (!children.length) link.setAttribute("aria-label", `Save ${file.filename}`);
  return link;
}

function pictureBubble(path, file) {
  const picture = element("img");
  Object.assign(picture, { src: path, alt: file.filename });
  const made = button("bubble picture", null, picture);
  made.addEventListener("click", () => openViewer(path, file));
  return made;
}

function openViewer(path, file) {
  const viewer = byId("viewer");
  Object.assign(viewer.querySelector("img"), { src: path, alt: file.filename });
  Object.assign(viewer.querySelector("a"), { href: path, download: file.filename });
  viewer.showModal();
}

function filmBubble(path, file) {
  const film = element("video");
  Object.assign(film, { src: path, controls: true, preload: "metadata", title: file.filename });
  return element("span", "bubble picture", film);
}

function plainBubble(path, file) {
  const ending = /\.(\w{1,4})$/.exec(file.filename)?.[1].toUpperCase() ?? "";
  const page = element("span", "page", icon(PAGE), element("b", "", ending));
  page.setAttribute("aria-hidden", "true");
  const link = saveLink(path, file, page, element("span", "", file.filename, element("small", "", sizeOf(file.size))));
  link.className = "bubble file";
  return link;
}

// A file as a message has it.
export async function attachmentOf(file) {
  if (file.size > MOST_BYTES) throw new Error(`${file.name} has ${sizeOf(file.size)}; ${sizeOf(MOST_BYTES)} is the most.`);
  return { filename: file.name, mime_type: file.type || null, base64: await base64Of(file) };
}

function base64Of(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => reject(new Error(`${file.name} cannot be read.`)));
    reader.readAsDataURL(file);
  });
}
