import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";

import { camelKeys } from "../src/casing.js";
import { called, clientOf } from "./calling.js";
import { contract } from "./contract.js";
import { Player, type Step } from "./player.js";

const SENT: Step[] = [{ example: "POST /v1/files" }, { example: "POST /v1/messages" }];
const WHO = { from: "+15551234567", to: "+15550100001" };

describe("contact cards are, byte for byte, those of contract/clients/vcards.json", () => {
  for (const { name, says, parameters, photo_hex: hex, vcard, filename } of contract("clients/vcards.json")) {
    test(`${name}: ${says}`, async () => {
      const fetched: Step[] = hex ? [{ example: "GET /v1/files" }, { status: 200, hex }] : [];
      await Player.playing([...fetched, ...SENT], async (player) => {
        const photo = hex ? { photo: "file_01k742sg000000000000000001" } : {};

        await called(clientOf(player), "send_contact_card", { ...WHO, ...parameters, ...photo });

        const upload = player.heard.at(-2)!;
        assert.equal(upload.rawBody, vcard);
        assert.equal(nameIn(upload.headers["x-filename"]!), filename);
      });
    });
  }
});

test("a key of the caller's names the message that bears a card; its upload has one of its own", async () => {
  await Player.playing(SENT, async (player) => {
    const card = { ...WHO, first_name: "Ada", last_name: "Lovelace" };

    await called(clientOf(player), "send_contact_card", card, { idempotency_key: "card-1" });

    const keys = player.heard.map(({ headers }) => headers["idempotency-key"]);
    assert.deepEqual(keys, ["card-1-file", "card-1"]);
  });
});

test("a photo of many megabytes fits into a card", async () => {
  const hex = "ffd8ff" + "00".repeat(3_000_000);
  await Player.playing([{ example: "GET /v1/files" }, { status: 200, hex }, ...SENT], async (player) => {
    const card = { ...WHO, first_name: "Ada", last_name: "Lovelace", photo: "file_01k742sg000000000000000001" };

    await called(clientOf(player), "send_contact_card", card);

    assert.ok(player.heard.at(-2)!.rawBody.includes(`TYPE=JPEG:${Buffer.from(hex, "hex").toString("base64")}\r\n`));
  });
});

test("a file's bytes come as they are", async () => {
  const hex = "00ff80c3280d0a";
  await Player.playing([{ example: "GET /v1/files" }, { status: 200, hex }], async (player) => {
    const { data } = await called(clientOf(player), "download_file", { id: "file_1" });

    assert.equal(Buffer.from(data).toString("hex"), hex);
  });
});

describe("a file", () => {
  const bytes = new TextEncoder().encode("..Hi..");
  const blobOfAnotherRealm = { size: 2, arrayBuffer: async () => bytes.slice(2, 4).buffer, [Symbol.toStringTag]: "Blob" };
  for (const [what, file] of Object.entries({
    bytes: bytes.subarray(2, 4),
    "a part of a buffer": new DataView(bytes.buffer, 2, 2),
    "a buffer": bytes.slice(2, 4).buffer,
    "bytes of another realm": runInNewContext("Uint8Array.of(72, 105)"),
    "a blob": new Blob(["Hi"]),
    "a blob of another realm": blobOfAnotherRealm,
  })) {
    test(`may be ${what}`, async () => {
      await Player.playing([{ example: "POST /v1/files" }], async (player) => {
        await clientOf(player).uploadFile({ file });

        assert.equal(player.heard[0]!.rawBody, "Hi");
      });
    });
  }

  for (const [what, file, named] of [
    ["a path", "photo.jpg", "string"],
    ["nothing", undefined, "undefined"],
    ["a stream of the web", new Blob(["Hi"]).stream(), "ReadableStream"],
    ["a stream of Node.js", Readable.from(["Hi"]), "Readable"],
    ["an array", [72, 105], "Array"],
  ] as const) {
    test(`may not be ${what}, and nothing is sent`, async () => {
      await Player.playing([], async (player) => {
        const uploading = clientOf(player).uploadFile({ file });

        await assert.rejects(uploading, { name: "TypeError", message: new RegExp(`got ${named}: read it first`) });
        assert.equal(player.heard.length, 0);
      });
    });
  }
});

for (const location of ["file:///etc/passwd", "javascript:1", "http://[", "https://"]) {
  test(`a server that leads to ${location} is none of the API's`, async () => {
    await Player.playing([{ status: 302, headers: { Location: location }, text: "" }], async (player) => {
      await assert.rejects(called(clientOf(player), "get_file_url", { id: "file_1" }), { name: "UnexpectedResponseError" });
    });
  });
}

test("what is served as mere bytes has the type and the name that are known of it", async () => {
  const headers = { "Content-Type": "application/octet-stream" };
  await Player.playing([{ example: "GET /v1/files" }, { status: 200, headers, text: "x" }], async (player) => {
    const file = await called(clientOf(player), "download_file", { id: "file_1" });

    assert.deepEqual(camelKeys({ name: file.filename, type: file.mimeType }), { name: "ada-lovelace.vcf", type: "text/vcard" });
  });
});

for (const [filename, sent] of [
  ["plain name.txt", "plain name.txt"],
  ["50%20off.txt", "UTF-8''50%2520off.txt"],
  ["a\r\nX-Evil: 1", "UTF-8''a%0D%0AX-Evil%3A%201"],
  [" begins with a space", "UTF-8''%20begins%20with%20a%20space"],
  ["half a pair \ud83d", "UTF-8''half%20a%20pair%20%EF%BF%BD"],
]) {
  test(`the name ${JSON.stringify(filename)} fits into a header`, async () => {
    await Player.playing([{ example: "POST /v1/files" }], async (player) => {
      await called(clientOf(player), "upload_file", { file: "x", filename });

      assert.equal(player.heard[0]!.headers["x-filename"], sent);
    });
  });
}

function nameIn(header: string): string {
  return header.startsWith("UTF-8''") ? decodeURIComponent(header.slice(7)) : header;
}
