import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";

import { camelKeys } from "../src/casing.js";
import { SignatureVerificationError, buildWebhookDelivery, signWebhook, verifyWebhook } from "../src/index.js";
import { type Json, contract, contractNames, contractText } from "./contract.js";

const SECRET = "whsec_3Qk0c1vYv5J8m2n7Xr4tZ6bLwPd9sGhAeFuKoTiRyNc";
const EARLIER = "whsec_" + Buffer.from("an earlier secret of 33 bytes ...").toString("base64");
const NOW = 1_760_000_000_000;
const BODY = contractText("events/message.received.json");

/** Sign as Standard Webhooks 1.0.0 does. */
function standard(secret: string, id: string, timestampMs: number, body: string): string {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const signed = `${id}.${Math.floor(timestampMs / 1000)}.${body}`;
  return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
}

const refused = (verifying: Promise<unknown>, about = /./) =>
  assert.rejects(verifying, (error: Error) => error instanceof SignatureVerificationError && about.test(error.message));

describe("contract/signatures.json is judged as it says", () => {
  for (const vector of contract("signatures.json").vectors) {
    test(`${vector.name}: ${vector.is_genuine ? "genuine" : vector.why}`, async () => {
      const verifying = verifyWebhook(vector.body, vector.signature, vector.secret, { now: vector.now });

      if (!vector.is_genuine) return refused(verifying);
      assert.deepEqual(await verifying, camelKeys(JSON.parse(vector.body)));
      assert.equal(await signWebhook(vector.secret, vector.timestamp, vector.body), vector.signature);
    });
  }
});

describe("each event of contract/events is known, with all that is in it", () => {
  for (const name of contractNames("events/")) {
    test(name, async () => {
      const body = contractText(`events/${name}`);

      const event = await verifyWebhook(body, await signWebhook(SECRET, NOW, body), SECRET, { now: NOW });

      assert.deepEqual(event, camelKeys(JSON.parse(body)));
    });

    test(`${name}, built here`, async () => {
      const { event, data } = camelKeys<Json>(contract(`events/${name}`));

      const { body, headers } = await buildWebhookDelivery(event, data, SECRET);

      assert.deepEqual(JSON.parse(body).data, contract(`events/${name}`).data);
      const verified = await verifyWebhook(body, headers["X-Webhook-Signature"], SECRET);
      assert.deepEqual(verified.data, data);
      assert.equal(verified.deliveryId, headers["X-Webhook-Delivery-Id"]);
      assert.equal(verified.timestamp, Number(headers["X-Webhook-Timestamp"]));
    });
  }
});

test("bytes are judged as they are, and need be no text", async () => {
  const signature = await signWebhook(SECRET, NOW, BODY);
  const bytes = new TextEncoder().encode(BODY);

  assert.equal((await verifyWebhook(bytes, signature, SECRET, { now: NOW })).event, "message.received");
  assert.equal((await verifyWebhook(Buffer.from(BODY), [signature], SECRET, { now: NOW })).event, "message.received");
  const broken = Buffer.concat([bytes.subarray(0, 60), Buffer.from([0xff]), bytes.subarray(60)]);
  await refused(verifyWebhook(broken, await signWebhook(SECRET, NOW, broken), SECRET, { now: NOW }), /UTF-8/);
});

test("bytes of every kind and of another realm are bytes", async () => {
  const signature = await signWebhook(SECRET, NOW, BODY);
  const whole = new TextEncoder().encode(`..${BODY}..`);
  const foreign = runInNewContext("Uint8Array.from(codes)", { codes: whole }) as Uint8Array;
  const part = [2, whole.length - 4] as const;

  for (const bytes of [foreign, whole]) {
    const kinds = [new DataView(bytes.buffer, ...part), bytes.subarray(2, -2), bytes.slice(2, -2).buffer];
    for (const body of kinds) assert.ok(await verifyWebhook(body as ArrayBuffer, signature, SECRET, { now: NOW }));
  }
});

test("of several secrets one has to fit", async () => {
  const signature = await signWebhook(SECRET, NOW, BODY);

  assert.ok(await verifyWebhook(BODY, signature, [EARLIER, SECRET], { now: NOW }));
  await refused(verifyWebhook(BODY, signature, [EARLIER, "whsec_other"], { now: NOW }));
  await refused(verifyWebhook(BODY, signature, [], { now: NOW }), /secret is missing/);
});

test("a secret that is not there is passed over, unless there is no other", async () => {
  const signature = await signWebhook(SECRET, NOW, BODY);

  assert.ok(await verifyWebhook(BODY, signature, ["", undefined, null, SECRET], { now: NOW }));
  await refused(verifyWebhook(BODY, signature, ["", undefined], { now: NOW }), /secret is missing/);
  await refused(verifyWebhook(BODY, await signWebhook("x", NOW, BODY), ["", SECRET], { now: NOW }));
});

test("after a rotation either secret fits the header webhook-signature", async () => {
  const { delivery_id: id } = JSON.parse(BODY);
  const both = [SECRET, EARLIER].map((secret) => standard(secret, id, NOW, BODY)).join(" ");

  for (const secret of [SECRET, EARLIER]) assert.ok(await verifyWebhook(BODY, both, secret, { now: NOW }));
  await refused(verifyWebhook(BODY, both, "whsec_b3RoZXI=", { now: NOW }));
  await refused(verifyWebhook(BODY.replace("there", "here"), both, SECRET, { now: NOW }));
  await refused(verifyWebhook(BODY, both, SECRET, { now: NOW + 300_001 }));
  await refused(verifyWebhook(BODY, both.replaceAll("v1,", "v2,"), SECRET, { now: NOW }));
});

test("both headers with a space between them are as good", async () => {
  const { delivery_id: id } = JSON.parse(BODY);
  const both = `${await signWebhook(SECRET, NOW, BODY)} ${standard(EARLIER, id, NOW, BODY)}`;

  for (const secret of [SECRET, EARLIER]) assert.ok(await verifyWebhook(BODY, both, secret, { now: NOW }));
});

test("what is built here is signed as Standard Webhooks has it, if its secret is of that kind", async () => {
  const { data } = camelKeys<Json>(JSON.parse(BODY));

  const { body, headers } = await buildWebhookDelivery("message.received", data, SECRET, { timestamp: NOW, deliveryId: "dlv_1" });
  const { headers: others } = await buildWebhookDelivery("message.received", data, "a secret of my own");

  assert.equal(headers["webhook-signature"], standard(SECRET, "dlv_1", NOW, body));
  assert.deepEqual([headers["webhook-id"], headers["webhook-timestamp"]], ["dlv_1", String(NOW / 1000)]);
  assert.equal("webhook-signature" in others, false);
});

test("an event that is not known yet is brought as it is", async () => {
  const body = JSON.stringify({ event: "message.pinned", data: { pinned_at: 1 }, timestamp: NOW, delivery_id: "dlv_1" });

  const event = await verifyWebhook(body, await signWebhook(SECRET, NOW, body), SECRET, { now: NOW });

  assert.deepEqual(event, { event: "message.pinned", data: { pinnedAt: 1 }, timestamp: NOW, deliveryId: "dlv_1" });
});

test("what a newer server adds to an event is no reason to refuse it", async () => {
  const body = BODY.replace('"sender"', '"mood":"good","sender"');

  const event = await verifyWebhook(body, await signWebhook(SECRET, NOW, body), SECRET, { now: NOW });

  assert.deepEqual(event, camelKeys(JSON.parse(BODY)));
});

describe("whatever is wrong with a delivery, it is a SignatureVerificationError", () => {
  const bodies = ["", "{", "null", "[]", "7", '"text"', "{}", '{"timestamp":"1760000000000"}', '{"timestamp":1.5}',
    `{"timestamp":${NOW}}`, `{"timestamp":${NOW},"event":7,"data":{}}`, `{"timestamp":${NOW},"delivery_id":7}`,
    `{"timestamp":${NOW},"event":"message.received","data":{}}`, "\ufeff" + BODY];
  for (const body of bodies) {
    test(`the body ${body.slice(0, 40)}, well signed`, async () => {
      await refused(verifyWebhook(body, await signWebhook(SECRET, NOW, body), SECRET, { now: NOW }));
    });
  }
  for (const signature of [undefined, null, "", [], ["a", "b"], "v1,", "v1, v1,"] as Json[]) {
    test(`the signature ${JSON.stringify(signature)}`, async () => {
      await refused(verifyWebhook(BODY, signature, SECRET, { now: NOW }));
    });
  }
  for (const body of [JSON.parse(BODY), undefined, null, 7]) {
    test(`a body that was parsed already: ${typeof body}`, async () => {
      await refused(verifyWebhook(body, "0".repeat(64), SECRET, { now: NOW }), /before it is parsed/);
    });
  }
  test("a secret that is not there", async () => {
    await refused(verifyWebhook(BODY, "0".repeat(64), undefined as unknown as string), /secret is missing/);
  });
});

test("how old a delivery may be is the caller's to say", async () => {
  const signature = await signWebhook(SECRET, NOW, BODY);

  assert.ok(await verifyWebhook(BODY, signature, SECRET, { now: NOW + 3_600_000, tolerance: 3_600_000 }));
  await refused(verifyWebhook(BODY, signature, SECRET, { now: NOW + 1001, tolerance: 1000 }), /not sent just now/);
  await refused(verifyWebhook(BODY, signature, SECRET), /not sent just now/);
});
