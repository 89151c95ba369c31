import assert from "node:assert/strict";
import { type TestContext, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";

import { clientIn } from "../src/client.js";
import { ConnectionFailedError, createClient } from "../src/index.js";
import { retryAfterOf, waitBeforeNext } from "../src/retrying.js";
import type { World } from "../src/transport.js";
import { sleep } from "../src/waiting.js";
import { Hurry, clientOf } from "./calling.js";
import { type Json, contract, contractNames, examples } from "./contract.js";
import { Player, type Step } from "./player.js";

const WHO = { from: "+15551234567", to: "+15550100001" };
const BUSY: Step = { status: 503, text: "" };
const chat = (id: string): Json => ({ ...examples["GET /v1/chats"]!.answer.data[0], id });
const STREAM = { status: 200, headers: { "Content-Type": "text/event-stream" } };
/** A fetch that gives a stream, in which *say* says something, and then a 403; *asked* is behind which events. */
function stream() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const asked: (string | null)[] = [];
  const fetch = async (_: unknown, { headers, signal }: RequestInit = {}) => {
    asked.push(new Headers(headers).get("last-event-id"));
    signal!.addEventListener("abort", () => void writer.abort(signal!.reason));
    return asked.length === 1 ? new Response(readable, STREAM) : new Response("", { status: 403 });
  };
  return { fetch, asked, say: (text: string) => void writer.write(new TextEncoder().encode(text)), end: () => void writer.close() };
}

/** Return after how many milliseconds, in whole seconds, *calling* is given up if there is no answer. */
async function patience(context: TestContext, world: World, calling: () => Promise<unknown>): Promise<number> {
  const asked = new Promise<AbortSignal>((resolve) => {
    world.fetch = async (_, { signal } = {}) => {
      resolve(signal!);
      return new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason)));
    };
  });
  const called = assert.rejects(calling(), { code: "timeout" });
  const signal = await asked;
  let ms = 0;
  for (; !signal.aborted; ms += 1000) context.mock.timers.tick(1000);
  await called;
  return ms;
}

const page = (ids: string[], next: string | null): Step => ({
  status: 200,
  body: { data: ids.map(chat), has_more: next !== null, next_cursor: next, request_id: "req_1" },
});

describe("a call that is aborted", () => {
  test("before it began makes no request", async () => {
    await Player.playing([], async (player) => {
      const signal = AbortSignal.abort(new Error("changed my mind"));

      await assert.rejects(clientOf(player).sendMessage({ ...WHO, text: "Hi" }, { signal }), /changed my mind/);

      assert.equal(player.heard.length, 0);
    });
  });

  test("while it waits for an answer throws the caller's reason, and is not repeated", async () => {
    await Player.playing([{ fault: "silence" }], async (player) => {
      const controller = new AbortController();
      const world = new Hurry();
      world.fetch = (...request) => {
        void setImmediate().then(() => controller.abort(new Error("changed my mind")));
        return fetch(...request);
      };

      const calling = clientOf(player, {}, world).listLines({}, { signal: controller.signal });

      await assert.rejects(calling, /changed my mind/);
      assert.deepEqual(world.waitsS, []);
    });
  });

  test("while it waits for its next try is not tried again", async () => {
    await Player.playing([BUSY], async (player) => {
      const controller = new AbortController();
      const world = new Hurry();
      world.sleep = (ms, signal) => {
        controller.abort(new Error("changed my mind"));
        return sleep(ms, signal);
      };

      await assert.rejects(clientOf(player, {}, world).listLines({}, { signal: controller.signal }), /changed my mind/);

      assert.equal(player.heard.length, 1);
    });
  });
});

describe("an answer", () => {
  test("is cleared of what is not known", async () => {
    const body = { ...examples["POST /v1/messages"]!.answer, mood: "good" };
    await Player.playing([{ status: 201, body }], async (player) => {
      const item = await clientOf(player).sendMessage({ ...WHO, text: "Hi" });

      assert.deepEqual(Object.keys(item), ["id", "status", "requestId"]);
    });
  });

  test("that leads elsewhere is an error that says where", async () => {
    await Player.playing([{ status: 308, headers: { Location: "https://elsewhere.example.com/" }, text: "" }], async (player) => {
      await assert.rejects(clientOf(player).listLines(), /https:\/\/elsewhere\.example\.com\/.*baseUrl/);
    });
  });
});

describe("a stream of events", () => {
  test("brings each event of the contract as webhooks are told it", async () => {
    const names = contractNames("events/");
    const events = names.map((name, at) => {
      const { event, data } = contract(`events/${name}`);
      return { id: `evt_${at}`, event, data, created_at: 1, line_id: "ln_1", chat_id: "cht_1" };
    });
    const chunks = events.map((event) => `id: ${event.id}\nevent: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`);
    await Player.playing([{ ...STREAM, chunks }], async (player) => {
      const heard: Json[] = [];

      for await (const event of clientOf(player).events()) if (heard.push(event) === names.length) break;

      assert.deepEqual(heard.map(({ event }) => `${event}.json`), names);
      assert.deepEqual(heard.map(({ data }) => Object.keys(data).length), events.map(({ data }) => Object.keys(data).length));
    });
  });

  test("brings an event that came after this version as it is", async () => {
    const told = { id: "evt_1", event: "message.pinned", data: { pinned_at: 1 }, created_at: 1, line_id: "ln_1", chat_id: "cht_1" };
    await Player.playing([{ ...STREAM, chunks: [`data: ${JSON.stringify(told)}\n\n`] }], async (player) => {
      const heard: Json[] = [];

      for await (const event of clientOf(player).events()) if (heard.push(event)) break;

      assert.deepEqual(heard.map(({ event, data }) => [event, data]), [["message.pinned", { pinnedAt: 1 }]]);
    });
  });

  test("ends with an error if an event has not the shape of its name", async () => {
    const told = { id: "evt_1", event: "message.sent", data: { id: 7 }, created_at: 1, line_id: "ln_1", chat_id: "cht_1" };
    await Player.playing([{ ...STREAM, chunks: [`data: ${JSON.stringify(told)}\n\n`] }], async (player) => {
      await assert.rejects(clientOf(player).events().next(), { name: "UnexpectedResponseError" });
    });
  });

  test("is hung up on by who does not want more", async () => {
    const { event, data } = contract("events/message.sent.json");
    const told = { id: "evt_1", event, data, created_at: 1, line_id: "ln_1", chat_id: "cht_1" };
    const opened = { ...STREAM, chunks: [`data: ${JSON.stringify(told)}\n\n`], held_open: true };
    await Player.playing([opened], async (player) => {
      for await (const _ of clientOf(player).events()) break;

      while ((await player.connections()) > 0) await setImmediate();
    });
  });

  test("that is silent for a minute is taken up again, and one that says something is not", async (context) => {
    const { event, data } = contract("events/message.sent.json");
    const place = { created_at: 1, line_id: "ln_1", chat_id: "cht_1" };
    const said = [1, 2, 3].map((at) => `id: evt_${at}\ndata: ${JSON.stringify({ id: `evt_${at}`, event, data, ...place })}\n\n`);
    const { fetch, say, asked } = stream();
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const events = clientIn(Object.assign(new Hurry(), { fetch }), { apiKey: "k" }).events();
    for (const text of said) {
      const next = events.next();
      await setImmediate();
      context.mock.timers.tick(50_000);
      say(text);
      await next;
    }

    const ended = assert.rejects(events.next(), { status: 403 });
    await setImmediate();
    context.mock.timers.tick(60_000);
    await ended;

    assert.deepEqual(asked, [null, "evt_3"]);
  });

  test("is not given up because its consumer takes long", async (context) => {
    const { event, data } = contract("events/message.sent.json");
    const told = { id: "evt_1", event, data, created_at: 1, line_id: "ln_1", chat_id: "cht_1" };
    const { fetch, say, asked } = stream();
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const events = clientIn(Object.assign(new Hurry(), { fetch }), { apiKey: "k" }).events();
    const first = events.next();
    say(`data: ${JSON.stringify(told)}\n\n`);
    await first;

    context.mock.timers.tick(600_000);
    say(`data: ${JSON.stringify(told)}\n\n`);
    await events.next();

    assert.equal(asked.length, 1);
  });

  test("behind what no header can bear is a wrong argument, and nothing is asked", async () => {
    await Player.playing([], async (player) => {
      await assert.rejects(clientOf(player).events({ after: "evt_é\n" }).next(), TypeError);

      assert.equal(player.heard.length, 0);
    });
  });

  test("is not waited for if it is the given fetch that is wrong", async () => {
    const fetch = async () => missing();
    const world = Object.assign(new Hurry(), { fetch });
    const missing = (): never => {
      throw new ReferenceError("nothing is not defined");
    };

    await assert.rejects(clientIn(world, { apiKey: "k" }).events().next(), ReferenceError);

    assert.deepEqual(world.waitsS, []);
  });

  test("is asked for again neither at once nor never, whatever the server says", async () => {
    const busy = ["Wed, 31 Dec 2025 23:59:00 GMT", "0", "9".repeat(400)].map((time) => ({ ...BUSY, headers: { "Retry-After": time } }));
    const opening = { ...STREAM, chunks: ["retry: 0\n\n"] };
    await Player.playing([opening, BUSY, ...busy, { status: 403, text: "" }], async (player) => {
      const world = new Hurry();

      await assert.rejects(clientOf(player, {}, world).events().next(), { status: 403 });

      assert.deepEqual(world.waitsS, [0.1, 0.2, 0.1, 0.1, 3600]);
    });
  });

  test("that was heard is waited for as briefly as at first", async () => {
    const opening = { ...STREAM, chunks: ["retry: 1000\n\n"] };
    await Player.playing([opening, BUSY, BUSY, opening, BUSY, { status: 403, text: "" }], async (player) => {
      const world = new Hurry();

      await assert.rejects(clientOf(player, {}, world).events().next(), { status: 403 });

      assert.deepEqual(world.waitsS, [1, 2, 4, 1, 2]);
    });
  });

  test("ends when it is aborted", async () => {
    await Player.playing([{ ...STREAM, chunks: ["retry: 1\n\n"] }, { fault: "silence" }], async (player) => {
      const controller = new AbortController();
      const world = new Hurry();
      let connections = 0;
      world.fetch = (...request) => {
        if (++connections === 2) void setImmediate().then(() => controller.abort());
        return fetch(...request);
      };

      for await (const _ of clientOf(player, {}, world).events({ signal: controller.signal })) assert.fail();

      assert.equal(connections, 2);
    });
  });

  test("waits longer each time that the server is not there, up to half a minute", async () => {
    const gone = Array.from({ length: 7 }, () => BUSY);
    await Player.playing([...gone, { status: 403, text: "" }], async (player) => {
      const world = new Hurry();

      await assert.rejects(clientOf(player, {}, world).events().next(), { status: 403 });

      assert.deepEqual(world.waitsS, [2, 4, 8, 16, 30, 30, 30]);
    });
  });
});

describe("a page", () => {
  test("can be iterated over twice, and each time goes through all", async () => {
    await Player.playing([page(["cht_1"], "one"), page(["cht_2"], null), page(["cht_2"], null)], async (player) => {
      const chats = await clientOf(player).listChats({ from: WHO.from });

      for (const _ of [1, 2]) {
        const ids: string[] = [];
        for await (const { id } of chats) ids.push(id);
        assert.deepEqual(ids, ["cht_1", "cht_2"]);
      }
    });
  });

  test("of events goes on behind its last one", async () => {
    const { answer } = examples["GET /v1/events"]!;
    const last = { status: 200, body: { ...answer, has_more: false } };
    await Player.playing([{ example: "GET /v1/events" }, last], async (player) => {
      for await (const _ of await clientOf(player).listEvents({ limit: 1 }));

      assert.deepEqual(player.heard.map(({ query }) => query.after), [undefined, answer.next_cursor]);
    });
  });
});

test("waiting for an outbox item ends when its time is over", async () => {
  const item = { ...examples["GET /v1/outbox"]!.answer, status: "pending" };
  await Player.playing(Array.from({ length: 9 }, () => ({ status: 200, body: item })), async (player) => {
    const world = new Hurry();
    let nowMs = 0;
    world.nowMs = () => nowMs;
    world.sleep = async (ms) => void (nowMs += ms);

    const waiting = clientOf(player, {}, world).waitForOutboxItem({ id: "obx_1", timeout: 3000 });

    await assert.rejects(waiting, (error: Json) => error instanceof ConnectionFailedError && error.code === "timeout");
    assert.equal(nowMs, 3000);
  });
});

test("an outbox item that is sent in the last moment was waited for", async () => {
  const item = { ...examples["GET /v1/outbox"]!.answer, status: "pending" };
  await Player.playing([{ status: 200, body: item }, { status: 200, body: { ...item, status: "sent" } }], async (player) => {
    const world = new Hurry();
    let nowMs = 0;
    world.nowMs = () => nowMs;
    world.sleep = async (ms) => void (nowMs += ms);

    const { status } = await clientOf(player, {}, world).waitForOutboxItem({ id: "obx_1", timeout: 100 });

    assert.deepEqual([status, nowMs], ["sent", 100]);
  });
});

test("events that are waited for have as much more time, on each page", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { answer } = examples["GET /v1/events"]!;
  const world = new Hurry();
  const client = clientIn(world, { apiKey: "k", timeout: 1000, maxRetries: 0 });
  world.fetch = async () => new Response(JSON.stringify({ ...answer, has_more: true, next_cursor: "evt_9" }));
  const events = (await client.listEvents({ waitS: 30 }))[Symbol.asyncIterator]();
  for (const _ of answer.data) await events.next();

  assert.deepEqual(
    [await patience(context, world, () => client.listEvents({ waitS: 30 })), await patience(context, world, () => events.next())],
    [31_000, 31_000],
  );
});

test("what is uploaded has a second more for each 64 KiB", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const world = new Hurry();
  const client = clientIn(world, { apiKey: "k", timeout: 1000, maxRetries: 0 });

  assert.equal(await patience(context, world, () => client.uploadFile({ file: new Uint8Array(65_536 * 10) })), 11_000);
});

describe("a file that comes slowly", () => {
  const SECOND = { apiKey: "k", timeout: 1000, maxRetries: 0 };
  /** Begin to download, and wait 900 ms before each piece. */
  async function dripping(context: TestContext) {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const { fetch, say, end } = stream();
    const led = async () => new Response(null, { status: 302, headers: { Location: "http://files.example/1" } });
    const answers: World["fetch"][] = [led, fetch];
    const world = Object.assign(new Hurry(), { fetch: ((...request) => answers.shift()!(...request)) as World["fetch"] });
    const downloading = clientIn(world, SECOND).downloadFile({ id: "file_1" });
    for (const piece of ["a", "b", "c"]) {
      await setImmediate();
      context.mock.timers.tick(900);
      say(piece);
    }
    await setImmediate();
    return { downloading, end };
  }

  test("is waited for", async (context) => {
    const { downloading, end } = await dripping(context);
    end();

    assert.equal(new TextDecoder().decode((await downloading).data), "abc");
  });

  test("is given up when it does not go on", async (context) => {
    const { downloading } = await dripping(context);
    context.mock.timers.tick(1000);

    await assert.rejects(downloading, { code: "timeout" });
  });
});

test("the types of events may be one", async () => {
  await Player.playing([{ example: "GET /v1/events" }, { status: 403, text: "" }], async (player) => {
    await clientOf(player).listEvents({ events: "message.received" });
    await assert.rejects(clientOf(player).events({ events: "message.received" }).next(), { status: 403 });

    assert.deepEqual(player.heard.map(({ query }) => query.events), ["message.received", "message.received"]);
  });
});

test("a time without end is one", async () => {
  await Player.playing([{ example: "GET /v1/lines" }], async (player) => {
    assert.equal((await clientOf(player).listLines({}, { timeout: Infinity })).data.length, 1);
  });
});

for (const [what, params, options] of [
  ["an idempotency key", {}, { idempotencyKey: "order №1" }],
  ["a media type", { mimeType: "text/plain\r\nX-Evil: 1" }, {}],
] as const) {
  test(`${what} that no header can bear is a wrong argument, and nothing is sent`, async () => {
    await Player.playing([], async (player) => {
      const file = new Uint8Array([1]);

      await assert.rejects(clientOf(player).uploadFile({ file, ...params }, options), TypeError);

      assert.equal(player.heard.length, 0);
    });
  });
}

test("methods can be taken off the client", async () => {
  await Player.playing([{ example: "GET /v1/lines" }], async (player) => {
    const { listLines } = clientOf(player);

    assert.equal((await listLines()).data.length, 1);
  });
});

test("empty and null parameters that mean nothing are left out", async () => {
  await Player.playing([{ example: "POST /v1/messages" }], async (player) => {
    await clientOf(player).sendMessage({ ...WHO, text: "Hi", attachments: null, replyTo: "", effect: undefined });

    assert.deepEqual(JSON.parse(player.heard[0]!.rawBody), { ...WHO, text: "Hi" });
  });
});

test("requests go by the fetch that is given, else by the global one of the moment", async (context) => {
  const answer = async () => new Response(JSON.stringify(examples["GET /v1/lines"]!.answer));
  const given = context.mock.fn(answer);
  const [one, other] = [createClient({ apiKey: "k", fetch: given }), createClient({ apiKey: "k" })];
  const global = context.mock.method(globalThis, "fetch", answer);

  await one.listLines();
  await other.listLines();
  global.mock.restore();

  assert.deepEqual([given, global].map(({ mock }) => mock.callCount()), [1, 1]);
  assert.equal(given.mock.calls[0]!.arguments.length, 2);
});

describe("a client cannot be made", () => {
  for (const [what, config, about] of [
    ["of a key with a line break in it", { apiKey: "sk_live_\n1" }, /API key/],
    ["of a URL without a scheme", { apiKey: "k", baseUrl: "localhost:8080" }, /baseUrl/],
    ["of a URL with a password, which is not told", { apiKey: "k", baseUrl: "http://me:secret@h?x" }, /^(?!.*secret).*baseUrl/],
    ["of a URL with a query", { apiKey: "k", baseUrl: "http://localhost?x=1" }, /baseUrl/],
  ] as const) {
    test(what, () => {
      assert.throws(() => createClient(config), ({ message }: Error) => about.test(message));
    });
  }
});

test("a key with white space around it, as files leave it, is understood", async () => {
  await Player.playing([{ example: "GET /v1/lines" }], async (player) => {
    await clientIn(new Hurry(), { apiKey: " sk_live_1\n", baseUrl: player.url }).listLines();

    assert.equal(player.heard[0]!.headers.authorization, "Bearer sk_live_1");
  });
});

test("waits are shortened by chance, and never lengthened", () => {
  const away = new ConnectionFailedError({ type: "", code: "timeout", message: "", status: 0, requestId: "" });
  const waits = [1, 2, 3, 4, 5, 6].map((failed) => [waitBeforeNext(away, failed, 1), waitBeforeNext(away, failed, 0)]);

  assert.deepEqual(waits, [[375, 500], [750, 1000], [1500, 2000], [3000, 4000], [3750, 5000], [3750, 5000]]);
});

test("only whole seconds and dates are times to come back at", () => {
  const now = Date.parse("2026-01-01T00:00:00.001Z");
  const told = ["0", "7", " 7 ", "1.5", "-5", "", "soon", "Thu, 01 Jan 2026 00:01:00 GMT", "Wed, 31 Dec 2025 23:59:00 GMT", "9".repeat(400)];

  const seconds = [null, ...told].map((header) => retryAfterOf(header, now));

  assert.deepEqual(seconds, [undefined, 0, 7, 7, undefined, undefined, undefined, undefined, 60, 0, Infinity]); // never earlier
});
