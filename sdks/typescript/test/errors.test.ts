import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, test } from "node:test";

import * as sdk from "../src/index.js";
import { called, clientOf } from "./calling.js";
import { contract } from "./contract.js";
import { Player } from "./player.js";

const CLASSES: Record<number, string> = {
  401: "AuthenticationError",
  403: "AuthorizationError",
  404: "NotFoundError",
  429: "RateLimitError",
};

describe("each error of contract/errors.json is thrown as what it is", () => {
  for (const [code, { type, status }] of Object.entries<{ type: string; status: number }>(contract("errors.json"))) {
    test(code, async () => {
      const body = { error: { type, code, message: "Said by the server." }, request_id: "req_1" };
      await Player.playing([{ status, body }], async (player) => {
        const error = await called(clientOf(player, { max_retries: 0 }), "list_lines", {}).catch((thrown: unknown) => thrown);

        const name = CLASSES[status] ?? (status < 500 ? "InvalidRequestError" : "ServerError");
        assert.equal(error.name, name);
        assert.ok(error instanceof sdk[name as "MessagesError"] && error instanceof sdk.MessagesError);
        assert.deepEqual([error.type, error.code, error.status, error.requestId], [type, code, status, "req_1"]);
      });
    });
  }
});

test("an error can be made by hand, as the hosted service's SDK makes it", () => {
  const made = { type: "rate_limit_error", code: "rate_limit_exceeded", message: "Slow down.", requestId: "req_1" };

  const error = new sdk.RateLimitError(made);

  assert.deepEqual([error.name, error.status, error.message], ["RateLimitError", 429, "Slow down."]);
  assert.equal(new sdk.MessagesError({ ...made, status: 418 }).status, 418);
  assert.equal(new sdk.SignatureVerificationError() instanceof sdk.MessagesError, false);
});

describe("an error of what is imported is one of what is required, and the other way round", async () => {
  const required = createRequire(import.meta.url)("../../dist/cjs/index.js") as typeof sdk;
  const made = { type: "", code: "", message: "", requestId: "", status: 429 };
  for (const [one, other] of [[sdk, required], [required, sdk]] as const) {
    test(one === sdk ? "imported" : "required", () => {
      const error = new one.RateLimitError(made);

      assert.notEqual(one.RateLimitError, other.RateLimitError);
      assert.ok(error instanceof other.RateLimitError && error instanceof other.MessagesError);
      assert.equal(error instanceof other.ServerError, false);
      assert.equal(new one.MessagesError(made) instanceof other.RateLimitError, false);
      assert.ok(new one.SignatureVerificationError() instanceof other.SignatureVerificationError);
    });
  }
});

test("a class that is derived elsewhere has its own instances only", () => {
  class Mine extends sdk.RateLimitError {}
  const made = { type: "", code: "", message: "", requestId: "" };

  assert.ok(new Mine(made) instanceof Mine && new Mine(made) instanceof sdk.RateLimitError);
  assert.equal(new sdk.RateLimitError(made) instanceof Mine, false);
  assert.deepEqual([null, undefined, "x", {}].map((other: unknown) => other instanceof sdk.MessagesError), [false, false, false, false]);
});
