// Contact cards: a vCard as it may come from anybody, and one as we write it.

import { element } from "./elements.js";
import { hueOf, initial } from "./words.js";

const MOST_BYTES = 1 << 20;
const MOST_LINES = 4; // of numbers and addresses that are shown
const PHOTO_TYPES = { jpeg: "jpeg", jpg: "jpeg", png: "png", gif: "gif", webp: "webp" };

export const isCard = ({ filename, mime_type: mimeType }) => /\/(x-)?vcard$/.test(mimeType ?? "") || /\.vcf$/i.test(filename);

export function cardBubble(path, file, save) {
  const face = element("span", "avatar", initial(file.filename));
  const words = element("span", "words", element("b", "", file.filename.replace(/\.vcf$/i, "")));
  const made = element("span", "bubble card", face, words, save);
  if (file.size <= MOST_BYTES) fill(path, face, words);
  return made;
}

async function fill(path, face, words) {
  const answer = await fetch(path).catch(() => null);
  const card = answer?.ok ? cardIn(await answer.text()) : null;
  if (card === null) return;
  const lines = [card.organization, ...card.phones, ...card.emails].filter(Boolean).slice(0, MOST_LINES);
  words.replaceChildren(element("b", "", card.name), ...lines.map((line) => element("span", "", line)));
  face.style.setProperty("--hue", hueOf(card.name));
  face.replaceChildren(card.photo === null ? initial(card.name) : faceOf(card.photo));
}

function faceOf(photo) {
  const made = element("img");
  Object.assign(made, { src: photo, alt: "" });
  return made;
}

// The first contact in a text, null if there is none with a name, a number or an address.
export function cardIn(text) {
  const [first] = text.split(/^END:VCARD/im);
  const fields = first.replace(/\r?\n[ \t]/g, "").split(/\r?\n/).map(fieldIn).filter(Boolean);
  const all = (name) => fields.filter((field) => field.name === name).map((field) => plain(field.value));
  const [phones, emails] = [all("TEL"), all("EMAIL")];
  const name = all("FN")[0] || nameIn(fields) || all("ORG")[0] || phones[0] || emails[0];
  if (!name) return null;
  return { name, organization: all("ORG")[0] ?? null, phones, emails, photo: photoIn(fields) };
}

function fieldIn(line) {
  const found = /^(?:[\w-]+\.)?([\w-]+)((?:;[^:"]*(?:"[^"]*"[^:"]*)*)?):(.*)$/.exec(line);
  return found && { name: found[1].toUpperCase(), params: found[2].toLowerCase(), value: found[3] };
}

const plain = (value) => value.replace(/^tel:/i, "").replace(/\\n/gi, " ").replace(/\\(.)/g, "$1").replace(/;+$/, "").trim();

function nameIn(fields) {
  const [family = "", given = ""] = (fields.find((field) => field.name === "N")?.value ?? "").split(/(?<!\\);/);
  return plain(`${given} ${family}`);
}

// Only what can be nothing but a picture.
function photoIn(fields) {
  const field = fields.find((each) => each.name === "PHOTO");
  if (!field) return null;
  const [, inline, coded] = /^data:image\/(\w+);base64,(.*)$/i.exec(field.value) ?? [];
  const type = PHOTO_TYPES[(inline ?? /type=(?:image\/)?(\w+)/.exec(field.params)?.[1] ?? "").toLowerCase()];
  const base64 = coded ?? field.value;
  return type && /^[A-Za-z0-9+/=]+$/.test(base64) ? `data:image/${type};base64,${base64}` : null;
}

export function cardOf({ name, phone, email }) {
  const lines = [
    "BEGIN:VCARD",
    "VERSION:3.0",
    `N:;${escaped(name)};;;`,
    `FN:${escaped(name)}`,
    ...(phone ? [`TEL;TYPE=CELL:${escaped(phone)}`] : []),
    ...(email ? [`EMAIL;TYPE=INTERNET:${escaped(email)}`] : []),
    "END:VCARD",
  ];
  return new File([lines.map((line) => `${line}\r\n`).join("")], `${fileName(name)}.vcf`, { type: "text/vcard" });
}

const escaped = (value) => value.trim().replace(/[\\,;]/g, "\\$&").replace(/\s*[\r\n]+\s*/g, "\\n");

const fileName = (name) => [...name.trim().replace(/[/\\:\0]/g, "-")].slice(0, 50).join("") || "Contact";
