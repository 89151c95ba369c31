/**
 * Deliveries to webhooks: whether they are genuine, and genuine ones to test with.
 *
 * A delivery bears two signatures. `X-Webhook-Signature` is made with the webhook's secret. `webhook-signature`
 * (Standard Webhooks) is made with the secret and, for a while after a rotation, with the earlier one too. What goes into
 * them beside the body is in the body as well, so that either is enough to judge by.
 */

import { bytesIn, hexadecimal, randomName } from "./bodies.js";
import { camelKeys, snakeKeys } from "./casing.js";
import { SignatureVerificationError } from "./errors.js";
import { UnknownWebhookEventSchema, WebhookEventSchema } from "./eventSchemas.js";
import { parsed } from "./transport.js";
import type { WebhookEvent, WebhookEventDataFor, WebhookEventName } from "./types.js";

const FIVE_MINUTES_MS = 300_000;

/** What was received. */
export type WebhookBody = string | ArrayBuffer | ArrayBufferView;

/** One secret, or several, of which those that are empty are passed over. */
export type WebhookSecrets = string | readonly (string | null | undefined)[];

export interface VerifyWebhookOptions {
  /** How far from now a delivery may have been sent, in milliseconds; five minutes if absent. */
  tolerance?: number;
  /** What time it is (Unix milliseconds). */
  now?: number;
}

/** What of a delivery is signed. */
interface Delivery {
  body: Uint8Array;
  timestamp: number;
  deliveryId: string;
}

/**
 * Return the event of a genuine delivery; throws a SignatureVerificationError for any other.
 *
 * *body* is what was received, byte for byte. *signature* is its header `X-Webhook-Signature`, or its
 * `webhook-signature`, or both with a space between them. *secret* is the webhook's, or several of which one has to fit. An event that came after this
 * version is brought too, as an `UnknownWebhookEvent`.
 */
export async function verifyWebhook(
  body: WebhookBody,
  signature: string | readonly string[] | null | undefined,
  secret: WebhookSecrets,
  options: VerifyWebhookOptions = {},
): Promise<WebhookEvent> {
  const signatures = signaturesIn(signature);
  const secrets = secretsIn(secret);
  const bytes = bytesOf(body);
  const content = contentOf(bytes);
  const delivery = { body: bytes, timestamp: content.timestamp, deliveryId: content.delivery_id ?? "" };
  await judgeSignature(delivery, signatures, secrets);
  judgeAge(delivery.timestamp, options);
  return eventOf(content);
}

/** Return the lower-case hexadecimal HMAC-SHA256 of `{timestamp}.{rawBody}`, keyed with the bytes of *secret*. */
export async function signWebhook(secret: string, timestamp: number, rawBody: WebhookBody): Promise<string> {
  return hexadecimal(await hmac(utf8(secret), signedText(`${timestamp}.`, bytesOf(rawBody))));
}

/** Make a delivery as the server makes it, to be posted to one's own handler. */
export async function buildWebhookDelivery<Name extends WebhookEventName>(
  event: Name,
  data: WebhookEventDataFor<Name>,
  secret: string,
  options: { timestamp?: number; deliveryId?: string } = {},
): Promise<{ body: string; headers: Record<string, string> }> {
  const timestamp = options.timestamp ?? Date.now();
  const deliveryId = options.deliveryId ?? `dlv_${randomName()}`;
  const body = JSON.stringify({ event, data: snakeKeys(data), timestamp, delivery_id: deliveryId });
  const headers = {
    "Content-Type": "application/json",
    "X-Webhook-Signature": await signWebhook(secret, timestamp, body),
    "X-Webhook-Timestamp": String(timestamp),
    "X-Webhook-Delivery-Id": deliveryId,
    ...(await standardHeaders({ body: utf8(body), timestamp, deliveryId }, secret)),
  };
  return { body, headers };
}

function signaturesIn(header: string | readonly string[] | null | undefined): string[] {
  const [signature, ...more] = [header].flat();
  if (!signature) throw new SignatureVerificationError("The header with the webhook's signature is missing.");
  if (more.length) throw new SignatureVerificationError("There is more than one header with a signature.");
  return signature.split(" ");
}

function secretsIn(secret: WebhookSecrets): string[] {
  const secrets = [secret].flat().filter((each) => !!each) as string[];
  if (secrets.length) return secrets;
  throw new SignatureVerificationError("The webhook's secret is missing: with an empty one anybody could sign.");
}

function bytesOf(body: WebhookBody): Uint8Array {
  if (typeof body === "string") return utf8(body);
  const bytes = bytesIn(body);
  if (bytes) return bytes;
  throw new SignatureVerificationError("The body has to be what was received, as text or bytes, before it is parsed.");
}

function contentOf(body: Uint8Array): { timestamp: number; delivery_id?: string } {
  const content = parsed(textOf(body)) as { timestamp?: unknown; delivery_id?: unknown } | null | undefined;
  const { timestamp, delivery_id } = content ?? {};
  if (Number.isSafeInteger(timestamp) && (delivery_id === undefined || typeof delivery_id === "string")) {
    return content as { timestamp: number; delivery_id?: string };
  }
  throw new SignatureVerificationError("The body is no webhook's delivery.");
}

function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new SignatureVerificationError("The body is not UTF-8.");
  }
}

async function judgeSignature(delivery: Delivery, signatures: string[], secrets: string[]): Promise<void> {
  const made = await Promise.all(secrets.flatMap((secret) => [ours(delivery, secret), standard(delivery, secret)]));
  const expected = made.filter((each) => each !== null).map(utf8);
  const given = signatures.map(utf8);
  // All are tried, so that the time it takes does not tell which one fits.
  const fitting = expected.flatMap((one) => given.filter((other) => isSame(one, other)));
  if (!fitting.length) throw new SignatureVerificationError();
}

function ours({ body, timestamp }: Delivery, secret: string): Promise<string> {
  return signWebhook(secret, timestamp, body);
}

async function standardHeaders(delivery: Delivery, secret: string): Promise<Record<string, string>> {
  const signature = await standard(delivery, secret);
  if (signature === null) return {};
  const seconds = String(Math.floor(delivery.timestamp / 1000));
  return { "webhook-id": delivery.deliveryId, "webhook-timestamp": seconds, "webhook-signature": signature };
}

/** Return what Standard Webhooks makes of it; null if the secret is none of its kind. */
async function standard({ body, timestamp, deliveryId }: Delivery, secret: string): Promise<string | null> {
  const key = keyIn(secret);
  if (key === null || !deliveryId) return null;
  const made = await hmac(key, signedText(`${deliveryId}.${Math.floor(timestamp / 1000)}.`, body));
  return `v1,${btoa(String.fromCharCode(...made))}`;
}

function keyIn(secret: string): Uint8Array | null {
  const encoded = secret.replace(/^whsec_/, "").replaceAll("-", "+").replaceAll("_", "/");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return null; // atob forgives white space
  try {
    return Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

function judgeAge(timestamp: number, { tolerance = FIVE_MINUTES_MS, now = Date.now() }: VerifyWebhookOptions): void {
  if (Math.abs(now - timestamp) <= tolerance) return;
  throw new SignatureVerificationError("The delivery was not sent just now: it may have been recorded, or a clock is wrong.");
}

function eventOf(content: unknown): WebhookEvent {
  const unknown = UnknownWebhookEventSchema.safeParse(content);
  if (unknown.success) return camelKeys(unknown.data) as WebhookEvent;
  const { data, error } = WebhookEventSchema.safeParse(content);
  if (data) return camelKeys(data);
  throw new SignatureVerificationError(`The body is genuine, but is no event: ${error.issues[0]?.message}.`);
}

async function hmac(key: Uint8Array, text: Uint8Array): Promise<Uint8Array> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key as BufferSource, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, text as BufferSource));
}

function signedText(before: string, body: Uint8Array): Uint8Array {
  const prefix = utf8(before);
  const text = new Uint8Array(prefix.length + body.length);
  text.set(prefix);
  text.set(body, prefix.length);
  return text;
}

/** Compare without telling by the time it takes where they differ. */
function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  return one.reduce((differing, byte, at) => differing | (byte ^ (other[at] ?? 0)), 0) === 0;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
