import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { camelKeys } from "../src/casing.js";
import { Hurry, called, clientOf, plain } from "./calling.js";
import { type Json, contract, examples } from "./contract.js";
import { Player } from "./player.js";

const VARIABLES = ["MESSAGES_API_KEY", "MESSAGES_API_URL"];

/** What was seen of one conversation. */
interface Seen {
  player: Player;
  waitsS: number[];
  result?: Json;
  items?: Json[];
  error?: Json;
}

describe("the client behaves as contract/clients/behaviours.json says", () => {
  for (const { name, says, client, call, script, expect } of contract("clients/behaviours.json")) {
    test(`${name}: ${says}`, async () => {
      await Player.playing(script, async (player) => {
        const seen = await conversation(player, client, call);

        if (seen.error && !expect.error) throw seen.error;
        for (const [what, wanted] of Object.entries(expect)) {
          assert.ok(JUDGES[what], `nothing here judges ${what}`);
          JUDGES[what](seen, wanted);
        }
      });
    });
  }
});

async function conversation(player: Player, client: Json, call: Json): Promise<Seen> {
  const world = new Hurry();
  const seen: Seen = { player, waitsS: world.waitsS };
  const putBack = environment(player.here(client?.from_environment ?? {}));
  try {
    seen.result = await called(clientOf(player, client ?? {}, world), call.method, call.arguments, call.options);
    if (call.iterate) seen.items = await taken(seen.result, call.take ?? Infinity);
  } catch (error) {
    seen.error = error;
  } finally {
    putBack();
  }
  return seen;
}

async function taken(iterable: AsyncIterable<Json>, count: number): Promise<Json[]> {
  const items: Json[] = [];
  for await (const item of iterable) {
    items.push(item);
    if (items.length >= count) break;
  }
  return items;
}

/** Have *variables* in the environment, and none of ours beside them; returns what puts the others back. */
function environment(variables: Record<string, string>): () => void {
  const before = VARIABLES.map((name) => [name, process.env[name]] as const);
  for (const name of VARIABLES) delete process.env[name];
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

const header = ({ player }: Seen, name: string): (string | undefined)[] => player.heard.map(({ headers }) => headers[name]);
const orNull = (values: (string | undefined)[]): (string | null)[] => values.map((value) => value ?? null);

const JUDGES: Record<string, (seen: Seen, wanted: Json) => void> = {
  requests: ({ player }, wanted) => assert.equal(player.heard.length, wanted),
  paths: ({ player }, wanted) => assert.deepEqual(player.heard.map(({ path }) => path), wanted),
  queries: ({ player }, wanted) => assert.deepEqual(player.heard.map(({ query }) => query), wanted),
  raw_bodies: ({ player }, wanted) => assert.deepEqual(player.heard.map(({ rawBody }) => rawBody), wanted),
  authorization: (seen, wanted) => assert.deepEqual([...new Set(header(seen, "authorization"))], [wanted]),
  authorizations: (seen, wanted) => assert.deepEqual(orNull(header(seen, "authorization")), wanted),
  accept: (seen, wanted) => assert.deepEqual([...new Set(header(seen, "accept"))], [wanted]),
  last_event_ids: (seen, wanted) => assert.deepEqual(orNull(header(seen, "last-event-id")), wanted),
  idempotency_key: (seen, wanted) => assert.deepEqual([...new Set(orNull(header(seen, "idempotency-key")))], [wanted]),
  same_idempotency_key: (seen) => judgeKeys(seen, 1),
  different_idempotency_keys: (seen) => judgeKeys(seen, seen.player.heard.length),
  waits_s: ({ waitsS }, wanted) => {
    assert.equal(waitsS.length, wanted.length, `waited ${waitsS.join(", ")} s`);
    wanted.forEach(([from, to]: number[], at: number) => {
      assert.ok(from! <= waitsS[at]! && waitsS[at]! <= to!, `wait ${at + 1} was ${waitsS[at]} s`);
    });
  },
  result: ({ player, result }, wanted) =>
    assert.deepEqual(plain(result), camelKeys(player.here(examples[wanted]!.answer))),
  ids: (seen, wanted) => assert.deepEqual(itemsOf(seen).map(({ id }) => id), wanted),
  texts: (seen, wanted) => assert.deepEqual(itemsOf(seen).map(({ data }) => data.text), wanted),
  fields: ({ result }, wanted) => {
    for (const [name, value] of Object.entries(camelKeys(wanted))) {
      const field = result[name];
      assert.deepEqual(field instanceof Uint8Array ? new TextDecoder().decode(field) : field, value);
    }
  },
  error: ({ error }, wanted) => judgeError(error, wanted),
};

function itemsOf({ items, result }: Seen): Json[] {
  return items ?? result.data;
}

function judgeKeys(seen: Seen, different: number): void {
  const keys = header(seen, "idempotency-key");
  assert.ok(keys.every(Boolean));
  assert.equal(new Set(keys).size, different);
}

function judgeError(error: Json, wanted: Json): void {
  assert.ok(error, "nothing was thrown");
  const { class: name, mentions, retry_after_s, ...fields } = wanted;
  assert.equal(error.name, name === "usage" ? "TypeError" : name, error.stack);
  if (mentions) assert.ok(error.message.includes(mentions), error.message);
  if (retry_after_s !== undefined) assert.equal(error.retryAfter ?? null, retry_after_s);
  for (const [field, value] of Object.entries(camelKeys(fields))) assert.equal(error[field] ?? null, value, field);
}
