/** The client, put together of what it is given and of what the environment says. */

import { keepingWebhooks, settingUp } from "./administering.js";
import { Api } from "./api.js";
import type { MessagesClient } from "./methods.js";
import type { ClientConfig } from "./parameters.js";
import { reading } from "./reading.js";
import { changingGroups, sending } from "./sending.js";
import { type Settings, Transport, type World } from "./transport.js";
import { sleep } from "./waiting.js";

/** Where `blueport dev` serves. */
const HOME = "http://127.0.0.1:8080";
const TIMEOUT_MS = 30_000;
const MAX_RETRIES = 2;

const REAL: World = {
  // Looked up at each call, for those who put another one in its place.
  fetch: (...request) => globalThis.fetch(...request),
  sleep,
  random: Math.random,
  nowMs: Date.now,
};

/** Make a client; throws if there is no key, or no sense in the URL. */
export function createClient(config: ClientConfig = {}): MessagesClient {
  return clientIn({ ...REAL, ...(config.fetch && { fetch: config.fetch }) }, config);
}

/** Make a client that has *world* to work with. */
export function clientIn(world: World, config: ClientConfig): MessagesClient {
  const api = new Api(new Transport(settingsOf(config), world));
  return { ...sending(api), ...changingGroups(api), ...reading(api), ...keepingWebhooks(api), ...settingUp(api) };
}

function settingsOf(config: ClientConfig): Settings {
  return {
    apiKey: keyIn(config.apiKey || fromEnvironment("MESSAGES_API_KEY")),
    baseUrl: baseIn(config.baseUrl || fromEnvironment("MESSAGES_API_URL") || HOME),
    timeoutMs: config.timeout ?? TIMEOUT_MS,
    maxRetries: config.maxRetries ?? MAX_RETRIES,
  };
}

function keyIn(given: string | undefined): string {
  const key = given?.trim();
  if (!key) throw new TypeError("Missing API key: pass `apiKey` to createClient, or set MESSAGES_API_KEY.");
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new TypeError("The API key has characters that no key has: it looks like `sk_live_...`.");
}

function baseIn(given: string): string {
  // Fetch takes none of those, and no message may tell the password.
  if (/^[^/]*\/*[^/?#]*@/.test(given)) {
    throw new TypeError("Invalid baseUrl: leave out what stands before the @, the server's name begins behind it.");
  }
  const url = given.trim().replace(/\/+$/, "").replace(/\/v1$/, "").replace(/\/+$/, "");
  if (/^https?:\/\/[^/?#]+[^?#]*$/i.test(url) && URL.canParse(url)) return url;
  throw new TypeError(`Invalid baseUrl: it looks like https://blueport.example.com, and got ${JSON.stringify(given)}.`);
}

/** Read a variable, where there is an environment that may be read. */
function fromEnvironment(name: string): string | undefined {
  try {
    const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
    return process?.env?.[name];
  } catch {
    return undefined;
  }
}
