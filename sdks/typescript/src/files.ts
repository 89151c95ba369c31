/** Files: their names in headers, where they are, and their bytes. */

import type { Api } from "./api.js";
import { jsonOf } from "./api.js";
import { bytesIn, kindOf } from "./bodies.js";
import { connectionFailed } from "./errors.js";
import type { RequestOptions, UploadFileParams } from "./parameters.js";
import { FileSchema } from "./schemas.js";
import { type Call, parsed, textOf, unexpected } from "./transport.js";
import type { DownloadedFile, File } from "./types.js";

const OCTETS = "application/octet-stream";

/** Where a file's bytes are, and what of it was told on the way there. */
interface Place {
  url: string;
  file?: { mime_type: string; filename?: string | null };
}

/** Upload a file. */
export async function uploaded({ transport }: Api, params: UploadFileParams, options?: RequestOptions): Promise<File> {
  const { filename, mimeType } = params;
  const body = await contentIn(params.file);
  const headers: Record<string, string> = { "Content-Type": mimeType ?? OCTETS };
  if (filename) headers["X-Filename"] = inHeader(filename);
  const call: Call = { method: "POST", url: transport.url("/v1/files"), headers: transport.authorized(headers), body };
  return transport.send(call, jsonOf(FileSchema), options);
}

/** Return what is to be sent of *file*; throws for what has no bytes at hand. */
async function contentIn(file: unknown): Promise<Blob | Uint8Array> {
  if (file instanceof Blob) return file;
  const bytes = bytesIn(file);
  if (bytes) return bytes;
  // Fetch knows only the blobs of its own realm.
  if (isBlob(file)) return new Uint8Array(await file.arrayBuffer());
  const read = "read it first, as by `await openAsBlob(path)` or `await new Response(stream).blob()`";
  throw new TypeError(`Invalid file: it takes a Blob or bytes, and got ${kindOf(file)}: ${read}.`);
}

function isBlob(file: unknown): file is Blob {
  return /^(Blob|File)$/.test(kindOf(file)) && typeof (file as Blob).arrayBuffer === "function";
}

/** Tell where the bytes of a file are. */
export function placeOf(api: Api, id: string, options?: RequestOptions): Promise<Place> {
  const call = api.asking("/v1/files", { id });
  return api.transport.send(call, (response, body) => placeIn(api, call, response, body), options);
}

/** Fetch a file; its link needs no key, and gets none. */
export async function downloaded(api: Api, id: string, options?: RequestOptions): Promise<DownloadedFile> {
  const place = await placeOf(api, id, options);
  const call: Call = { method: "GET", url: place.url, headers: {} };
  return api.transport.send(call, (response, body) => contentOf(response, body, place), options);
}

async function placeIn(api: Api, call: Call, response: Response, body: Uint8Array): Promise<Place> {
  const location = response.headers.get("Location");
  if (response.status === 302 && location) {
    const file = FileSchema.safeParse(parsed(textOf(body))).data;
    return { url: targetOf(response, location, call.url), file };
  }
  if (response.type === "opaqueredirect") return { url: await followedInABrowser(api, call) };
  throw unexpected(response, "The server did not lead to the file's bytes: is baseUrl right?");
}

function targetOf(response: Response, location: string, base: string): string {
  const target = URL.canParse(location, base) ? new URL(location, base) : undefined;
  if (target && /^https?:$/.test(target.protocol)) return target.href;
  throw unexpected(response, `The server leads to no address that files come from: ${JSON.stringify(location)}.`);
}

/** Pages are not shown where a redirect leads to, but where it led to. */
async function followedInABrowser({ transport }: Api, { url, headers }: Call): Promise<string> {
  const response = await transport.world.fetch(url, { headers }).catch((error: unknown) => {
    throw connectionFailed("connection_failed", "The file could not be reached.", error);
  });
  await response.body?.cancel();
  return response.url;
}

function contentOf(response: Response, data: Uint8Array, { file }: Place): DownloadedFile {
  if (!response.ok) throw unexpected(response, "The file's link leads elsewhere.");
  const told = response.headers.get("Content-Type")?.split(";")[0]?.trim();
  // What could do harm in a browser is served as mere bytes, whatever it is.
  const mimeType = told && told !== OCTETS ? told : (file?.mime_type ?? OCTETS);
  return { data, filename: nameIn(response.headers.get("Content-Disposition")) ?? file?.filename ?? null, mimeType };
}

/** Write a name so that any header takes it: as it is, or as RFC 8187 has it. */
function inHeader(filename: string): string {
  if (/^[\x21-\x24\x26-\x7e]([\x20-\x24\x26-\x7e]*[\x21-\x24\x26-\x7e])?$/.test(filename)) return filename;
  return `UTF-8''${encodeURIComponent(filename.replace(/\p{Surrogate}/gu, "\ufffd"))}`;
}

function nameIn(disposition: string | null): string | null {
  const [, extended] = /filename\*\s*=\s*UTF-8'[^']*'([^;\s]+)/i.exec(disposition ?? "") ?? [];
  if (extended) return decoded(extended);
  const [, quoted, token] = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(disposition ?? "") ?? [];
  return quoted?.replace(/\\(.)/g, "$1") ?? token ?? null;
}

function decoded(escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return escaped;
  }
}
