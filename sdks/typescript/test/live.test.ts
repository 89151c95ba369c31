/** Each method once against a real server with a simulated Mac, which the environment names. */

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { type Event, type MessagesClient, NotFoundError, type WebhookEvent, createClient, verifyWebhook } from "../src/index.js";
import type { Json } from "./contract.js";

const { BLUEPORT_LINE: LINE = "", BLUEPORT_SIMULATOR_URL: PHONES } = process.env;
const ADA = "+15550100001";
const BO = "bo@example.com";
const CARL = "+15550100003";
const WHO = { from: LINE, to: ADA };

const used = new Set<string>();
const client = PHONES ? noting(createClient()) : ({} as MessagesClient);

describe("against a real server", { skip: PHONES ? false : "no BLUEPORT_SIMULATOR_URL: tests/sdks starts a server" }, () => {
  let question = { id: "", guid: "" };
  let answerId = "";

  test("a person texts, the stream tells of it, the answer arrives on the phone", async () => {
    const controller = new AbortController();
    const events = client.events({ from: LINE, events: ["message.received"], after: await lastEventId(), signal: controller.signal });
    await texts(ADA, "Is anybody there?");
    const { value: heard }: { value?: Event } = await events.next();
    controller.abort();
    assert.equal((await events.next()).done, true);
    assert.ok(heard?.event === "message.received");
    assert.equal(heard.data.text, "Is anybody there?");
    question = heard.data;

    const sent = await client.sendMessage({ ...WHO, text: "Yes: me.", replyTo: question.id });
    const item = await client.waitForOutboxItem({ id: sent.id });

    assert.equal(item.status, "sent");
    assert.deepEqual(item.payload, { from: LINE, to: ADA, text: "Yes: me.", replyTo: question.id });
    assert.equal((await client.getOutboxItem({ id: sent.id })).completedAt, item.completedAt);
    const bubble = (await phone(ADA)).at(-1);
    assert.deepEqual([bubble.text, bubble.reply_to_guid], ["Yes: me.", question.guid]);
    answerId = (await client.listMessages({ ...WHO, q: "Yes: me", limit: 1 })).data[0]!.id;
  });

  test("a message that is repeated under one key is sent once", async () => {
    const options = { idempotencyKey: "only-once" };

    const [first, again] = [await client.sendMessage({ ...WHO, text: "Once" }, options), await client.sendMessage({ ...WHO, text: "Once" }, options)];

    assert.equal(again.id, first.id);
    await done(first);
    assert.equal((await phone(ADA)).filter(({ text }) => text === "Once").length, 1);
  });

  test("lists of lines, chats and messages are iterated over page by page", async () => {
    const handles = (await all(await client.listLines({ include: "capabilities" }))).map(({ handle }) => handle);
    const { capabilities } = (await client.listLines({ include: "capabilities" })).data.find(({ handle }) => handle === LINE)!;
    const [chat] = await all(await client.listChats({ from: LINE, limit: 1 }));
    const messages = await all(await client.listMessages({ ...WHO, limit: 1 }));

    assert.ok(handles.includes(LINE) && capabilities?.includes("reactions"));
    assert.equal(chat!.identifier, ADA);
    assert.deepEqual(messages.map(({ text }) => text), ["Once", "Yes: me.", "Is anybody there?"]);
  });

  test("a reaction is put on and taken off", async () => {
    const reaction = { ...WHO, messageId: question.id, emoji: "🎉" };

    await done(await client.sendReaction(reaction));
    const put = (await phone(ADA))[0].reactions;
    await done(await client.sendReaction({ ...reaction, remove: true }));
    await done(await client.sendReaction({ ...WHO, messageId: question.id, type: "love" }));

    assert.deepEqual(put.map(({ emoji }: Json) => emoji), ["🎉"]);
    assert.deepEqual((await client.listReactions({ messageId: question.id })).data.map(({ type }) => type), ["love"]);
  });

  test("typing and reading are shown to the other side, and told of it", async () => {
    for (const signal of [await client.startTyping(WHO), await client.stopTyping(WHO), await client.sendReadReceipt(WHO)]) {
      assert.notEqual((await client.waitForOutboxItem(signal)).status, "pending");
    }
    await simulated("POST", `/people/${ADA}/typing`, { is_typing: true });
    await simulated("POST", `/people/${ADA}/read`, {});

    const typing = await until(async () => (await client.listTypingIndicators(WHO)).data[0]);
    const read = await until(async () => (await client.listReadReceipts(WHO)).data[0]);

    assert.deepEqual([typing.handle, read.handle], [ADA, ADA]);
  });

  test("a file goes up, out, and comes back as it was", async () => {
    const content = new TextEncoder().encode("Grüße\r\n");

    const file = await client.uploadFile({ file: new Blob([content]), filename: "Grüße.txt", mimeType: "text/plain" });
    await done(await client.sendMessage({ ...WHO, attachments: [file.id] }));
    const back = await client.downloadFile({ id: file.id });
    const { url } = await client.getFileUrl({ id: file.id });

    assert.deepEqual(back, { data: content, filename: "Grüße.txt", mimeType: "text/plain" });
    assert.equal(await (await fetch(url)).text(), "Grüße\r\n");
    assert.equal((await phone(ADA)).at(-1).attachments[0].filename, "Grüße.txt");
  });

  test("a voice message and a contact card with a photo arrive", async () => {
    const sound = await client.uploadFile({ file: silence(), filename: "hello.wav", mimeType: "audio/wav" });
    const photo = await client.uploadFile({ file: Buffer.from("ffd8ffe000104a464946", "hex"), mimeType: "image/jpeg" });

    await done(await client.sendAudioMessage({ ...WHO, audioMessage: sound.id }));
    await done(await client.sendContactCard({ ...WHO, firstName: "Ada", lastName: "Lovelace", photo: photo.id }));

    const attachments = (await phone(ADA)).slice(-2).map(({ attachments: [{ filename }] }) => filename);
    assert.equal(attachments[1], "ada-lovelace.vcf");
  });

  test("a message is edited and taken back", async () => {
    await done(await client.editMessage({ messageId: answerId, text: "Yes, me." }));
    const edited = (await phone(ADA)).find(({ from_me }) => !from_me).text;
    await done(await client.unsendMessage({ messageId: answerId }));

    assert.equal(edited, "Yes, me.");
  });

  test("a group is begun, renamed, grows, shrinks and is left", async () => {
    for (const person of [BO, CARL]) await texts(person, "Hi");
    await until(async () => (await client.listChats({ from: LINE })).data.length === 3);

    await done(await client.createChat({ from: LINE, participants: [ADA, BO], text: "Hi all", name: "Trip" }));
    const group = await until(async () => (await client.listChats({ from: LINE })).data.find(({ isGroup }) => isGroup));
    await simulated("POST", `/people/${BO}/messages`, { text: "Hello", to: group.identifier });
    const here = { from: LINE, to: group.id };
    await until(async () => (await client.listMessages(here)).data.find(({ text }) => text === "Hello"));
    const carl = { ...here, participant: CARL };
    await done(await client.renameChat({ ...here, name: "Journey" }));
    await done(await client.addParticipant(carl));
    await done(await client.removeParticipant(carl));
    await done(await client.leaveChat(here));

    const { name, participants } = (await client.listChats({ from: LINE })).data.find(({ id }) => id === group.id)!;
    assert.deepEqual([name, new Set(participants)], ["Journey", new Set([ADA, BO])]);
  });

  describe("a webhook", () => {
    const heard: { body: string; headers: Record<string, string | undefined> }[] = [];
    const receiver = createServer(async (request, response) => {
      let body = "";
      for await (const part of request.setEncoding("utf8")) body += part;
      heard.push({ body, headers: request.headers as Record<string, string | undefined> });
      response.end();
    });
    before(() => new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve)));
    after(() => void receiver.close());

    test("is told what happens, by deliveries that are verified", async () => {
      const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
      const { id, secret = "" } = await client.createWebhook({ from: LINE, url, events: ["message.received"] });
      await texts(ADA, "Still there?");
      const { body, headers } = await until(async () => heard[0]);

      const event: WebhookEvent = await verifyWebhook(body, headers["x-webhook-signature"], secret);

      assert.ok(event.event === "message.received");
      assert.deepEqual([event.data.text, event.data.lineHandle], ["Still there?", LINE]);
      assert.equal(event.deliveryId, headers["x-webhook-delivery-id"]);
      assert.deepEqual((await client.listWebhooks({ from: LINE })).data.map((webhook) => webhook.id), [id]);
      await rotated(id, secret);
      await looked(id);
      assert.equal((await client.deleteWebhook({ id })).deleted, true);
    });

    async function rotated(id: string, earlier: string): Promise<void> {
      const { secret } = await client.rotateWebhookSecret({ id, overlapS: 60 });
      await client.testWebhook({ id, event: "message.received" });
      const { body, headers } = await until(async () => heard[1]);

      await verifyWebhook(body, headers["x-webhook-signature"], [earlier, secret]);
      for (const each of [earlier, secret]) await verifyWebhook(body, headers["webhook-signature"], each);
      await assert.rejects(verifyWebhook(body, headers["x-webhook-signature"], earlier));
    }

    async function looked(id: string): Promise<void> {
      assert.equal((await client.enableWebhook({ id })).isActive, true);
      const delivered = () => client.listWebhookDeliveries({ webhookId: id, status: "delivered" });
      await until(async () => (await delivered()).data.length === 2);
      const [delivery] = (await delivered()).data;
      assert.equal((await client.listWebhookAttempts({ deliveryId: delivery!.id })).data[0]!.statusCode, 200);
      assert.equal((await client.replayWebhookDeliveries({ deliveryId: delivery!.id })).replayed, 1);
    }
  });

  test("the sandbox, the settings and the log of events are there", async () => {
    const { activationCode } = await client.activateSandbox();
    const settings = await client.updateSettings({ extendedEvents: true, pacing: { intervalMs: 5 } });
    const { data, nextCursor } = await client.listEvents({ from: LINE, limit: 100 });

    assert.equal((await client.getSandbox()).activationCode, activationCode);
    assert.deepEqual([settings.extendedEvents, settings.pacing.intervalMs], [true, 5]);
    assert.deepEqual((await client.getSettings()).pacing, settings.pacing);
    assert.equal(data.at(-1)!.id, nextCursor);
    await client.updateSettings({ extendedEvents: null, pacing: null });
  });

  test("what is not there is a NotFoundError", async () => {
    const asking = client.getOutboxItem({ id: "obx_00000000000000000000000000" });

    await assert.rejects(asking, (error: Json) => {
      return error instanceof NotFoundError && error.code === "outbox_item_not_found" && error.requestId.startsWith("req_");
    });
  });

  test("no method was passed over", () => {
    assert.deepEqual(Object.keys(client).filter((name) => !used.has(name)), []);
  });
});

function noting(real: MessagesClient): MessagesClient {
  return new Proxy(real, {
    get(target, name, receiver) {
      used.add(String(name));
      return Reflect.get(target, name, receiver);
    },
  });
}

async function done(sent: { id: string }): Promise<void> {
  const { status, error } = await client.waitForOutboxItem({ id: sent.id });
  assert.equal(status, "sent", error ?? "");
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Tell behind what a stream can begin that is to miss nothing. */
async function lastEventId(): Promise<string> {
  return (await client.listEvents({ limit: 100 })).nextCursor ?? `evt_${"0".repeat(26)}`;
}

async function until<Found>(look: () => Promise<Found | undefined | false>): Promise<Found> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await sleep(50)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error("nothing was seen within half a minute");
}

async function simulated(method: string, path: string, body?: Json): Promise<Json> {
  const answer = await fetch(PHONES + path, { method, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

const texts = (person: string, text: string): Promise<Json> => simulated("POST", `/people/${person}/messages`, { text });
const phone = (person: string): Promise<Json[]> => simulated("GET", `/people/${person}/messages`);

/** Half a second of nothing, as a WAV file. */
function silence(): Uint8Array {
  const [rate, samples] = [8000, 4000];
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + samples, 4);
  header.write("WAVEfmt ", 8);
  for (const [value, at] of [[16, 16], [rate, 24], [rate, 28], [samples, 40]] as const) header.writeUInt32LE(value, at);
  for (const [value, at] of [[1, 20], [1, 22], [1, 32], [8, 34]] as const) header.writeUInt16LE(value, at);
  header.write("data", 36);
  return Buffer.concat([header, Buffer.alloc(samples, 128)]);
}
