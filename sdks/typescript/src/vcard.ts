/** Contact cards: vCard 3.0. */

import type { Contact, ContactAddress } from "./parameters.js";

const JPEG = [0xff, 0xd8, 0xff];
const PNG = [0x89, 0x50, 0x4e, 0x47];

/** Return *contact* as a vCard, with *photo* in it. */
export function vcardOf(contact: Contact, photo?: Uint8Array): string {
  const { firstName, lastName, phones, emails } = contact;
  const lines = [
    "BEGIN:VCARD",
    "VERSION:3.0",
    `N:${escaped(lastName)};${escaped(firstName)};;;`,
    `FN:${escaped(`${firstName} ${lastName}`.trim())}`,
    ...line("ORG", contact.org),
    ...line("TITLE", contact.title),
    ...line("URL", contact.url),
    ...(phones ?? []).map(({ value, type }) => `${typed("TEL", type ?? "cell")}:${escaped(value)}`),
    ...(emails ?? []).map(({ value, type }) => `${typed("EMAIL", type)}:${escaped(value)}`),
    ...(contact.address ? [addressLine(contact.address)] : []),
    ...line("BDAY", contact.bday),
    ...line("NOTE", contact.note),
    ...(photo ? [`PHOTO;ENCODING=b;TYPE=${contact.photoType ?? kindOf(photo)}:${base64(photo)}`] : []),
    "END:VCARD",
  ];
  return lines.join("\r\n");
}

/** Return what the file of *contact*'s card is called. */
export function cardNameOf({ firstName, lastName }: Contact): string {
  return `${firstName}-${lastName}.vcf`.toLowerCase().replace(/\s+/g, "-");
}

function line(name: string, value: string | undefined): string[] {
  return value ? [`${name}:${escaped(value)}`] : [];
}

function addressLine({ street, city, region, postalCode, country, type }: ContactAddress): string {
  const parts = ["", "", street, city, region, postalCode, country];
  return `${typed("ADR", type)}:${parts.map((part) => escaped(part ?? "")).join(";")}`;
}

function typed(name: string, type: string | undefined): string {
  const word = (type ?? "").replace(/[^A-Za-z0-9-]/g, "").toUpperCase();
  return word ? `${name};TYPE=${word}` : name;
}

function escaped(value: string): string {
  return value.replace(/[\\;,]/g, "\\$&").replace(/\r\n|\r|\n/g, "\\n");
}

function kindOf(photo: Uint8Array): "JPEG" | "PNG" {
  return !begins(photo, JPEG) && begins(photo, PNG) ? "PNG" : "JPEG";
}

function begins(bytes: Uint8Array, start: number[]): boolean {
  return start.every((byte, at) => bytes[at] === byte);
}

/** Encode *bytes*; piece by piece, since no call takes a photo's bytes as so many arguments. */
function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
