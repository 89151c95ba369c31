import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { camelKeys } from "../src/casing.js";
import { createClient } from "../src/index.js";
import { called, clientOf, nameOf, plain } from "./calling.js";
import { type Json, contract, examples } from "./contract.js";
import { type Heard, Player, type Step } from "./player.js";

const METHODS: Record<string, { calls: Json[]; returns?: Json }> = contract("clients/methods.json");

describe("each method makes the requests, and returns the results, of contract/clients/methods.json", () => {
  for (const [method, { calls, returns }] of Object.entries(METHODS)) {
    calls.forEach((call, at) => {
      test(`${method}, call ${at + 1}`, async () => {
        await Player.playing(call.requests.map(answerTo), async (player) => {
          const result = await called(clientOf(player), method, call.arguments);

          assert.equal(player.heard.length, call.requests.length);
          call.requests.forEach((wanted: Json, nth: number) => judge(player.heard[nth]!, wanted));
          const last = examples[call.requests.at(-1).answer]!.answer;
          assert.deepEqual(plain(result), camelKeys(player.here(returns ?? last)));
        });
      });
    });
  }
});

test("the client has the contract's methods, and no others", () => {
  const called = [...Object.keys(METHODS), ...contract("clients/behaviours.json").map(({ call }: Json) => call.method)];

  const has = Object.keys(createClient({ apiKey: "sk_live_test" }));

  assert.deepEqual(has.sort(), [...new Set(called.map(nameOf))].sort());
});

function answerTo(request: Json): Step {
  return request.answer ? { example: request.answer } : { status: 200, text: request.raw_answer };
}

function judge(heard: Heard, wanted: Json): void {
  assert.equal(`${heard.method} ${heard.path}`, `${wanted.method} ${wanted.path}`);
  if (wanted.query) assert.deepEqual(heard.query, wanted.query);
  if (wanted.raw_body !== undefined) assert.equal(heard.rawBody, wanted.raw_body);
  else assert.deepEqual(heard.rawBody && JSON.parse(heard.rawBody), wanted.body ?? "");
  for (const [name, value] of Object.entries(wanted.headers ?? {})) {
    assert.equal(heard.headers[name.toLowerCase()], value);
  }
  for (const name of wanted.without_headers ?? []) assert.equal(heard.headers[name.toLowerCase()], undefined);
}
