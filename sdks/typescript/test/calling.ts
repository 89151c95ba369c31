/** Calls of the client, as the contract writes them. */

import { camelKeys } from "../src/casing.js";
import { clientIn } from "../src/client.js";
import type { ClientConfig } from "../src/index.js";
import type { World } from "../src/transport.js";
import type { Json } from "./contract.js";
import type { Player } from "./player.js";

/** A world in which nobody has to wait; `waitsS` is how long they would have, in seconds. */
export class Hurry implements World {
  readonly waitsS: number[] = [];
  random = Math.random;
  nowMs = Date.now;

  fetch = (...request: Parameters<World["fetch"]>) => globalThis.fetch(...request);

  sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    this.waitsS.push(ms / 1000);
    signal?.throwIfAborted();
  };
}

/** Make a client of *player* as *wanted* says. */
export function clientOf(player: Player, wanted: Json = {}, world: World = new Hurry()): Record<string, Json> {
  const config: ClientConfig = {
    apiKey: wanted.api_key === undefined ? "sk_live_test" : (wanted.api_key ?? undefined),
    baseUrl: player.url + (wanted.base_url_suffix ?? ""),
    maxRetries: wanted.max_retries,
    timeout: wanted.timeout_s && wanted.timeout_s * 1000,
  };
  return clientIn(world, wanted.from_environment ? {} : config) as Record<string, Json>;
}

/** Call *method*, named as in the contract. */
export function called(client: Record<string, Json>, method: string, args: Json, options: Json = {}): Json {
  const name = nameOf(method);
  if (!client[name]) throw new Error(`The client has no ${name}.`);
  const { timeout_s, ...others } = options;
  const given = { ...camelKeys(others), ...(timeout_s && { timeout: timeout_s * 1000 }) };
  return client[name](argumentsOf(args), given);
}

/** Say as this language does what the contract calls *method*. */
export function nameOf(method: string): string {
  return Object.keys(camelKeys({ [method]: 0 }))[0] ?? "";
}

/** See *result* as the contract writes results. */
export function plain(result: Json): Json {
  return JSON.parse(JSON.stringify(result));
}

function argumentsOf(args: Json): Json {
  const given: Json = camelKeys(args);
  return typeof given.file === "string" ? { ...given, file: new TextEncoder().encode(given.file) } : given;
}
