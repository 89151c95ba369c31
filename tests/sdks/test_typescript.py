"""The TypeScript SDK: its own tests against the contract and a real server, and the package as users get it."""

import json
import re
from pathlib import Path

import pytest

from tests.sdks.node import PACKAGE, build, node, packed, skip_without_node, tsc
from tests.system.blueport import Blueport

USING = """
const lines = await createClient().listLines();
const event = await verifyWebhook("{}", "", "").catch((error) => error.name);
console.log(JSON.stringify([lines.data[0].handle, event, new RateLimitError({
  type: "", code: "", message: "", requestId: "",
}) instanceof MessagesError]));
"""
NAMES = "{ createClient, verifyWebhook, RateLimitError, MessagesError }"
TYPED = """
import { createClient, type Message, type WebhookEvent, verifyWebhook } from "@blueport/sdk";
const client = createClient({ apiKey: "sk_live_1" });
export const texts = async (): Promise<(string | null | undefined)[]> => {
  const messages: Message[] = (await client.listMessages({ from: "", to: "" })).data;
  return messages.map((message) => message.text);
};
export const replies = (event: WebhookEvent): string | null | undefined =>
  event.event === "message.received" ? event.data.replyToGuid : undefined;
// @ts-expect-error: there is no such parameter
void client.sendMessage({ from: "", to: "", txt: "" });
void verifyWebhook(new Uint8Array(), undefined, ["one", "other"]);
"""
# What the README's examples have from around them; what they import is theirs.
AROUND = """
import type * as sdk from "@blueport/sdk";
import type { openAsBlob as open } from "node:fs";
declare global {
  const client: sdk.MessagesClient;
  const { verifyWebhook, buildWebhookDelivery, RateLimitError, MessagesError }: typeof sdk;
  const openAsBlob: typeof open;
  const app: { post(path: string, ...handlers: ((first: any, second: any) => unknown)[]): void };
  const express: { raw(options: object): () => void };
  const url: string, from: string, to: string, text: string;
}
"""


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    skip_without_node()
    build()


def _known(blueport: Blueport) -> dict[str, str]:
    said = blueport.said
    where = {"MESSAGES_API_URL": said["api_url"], "MESSAGES_API_KEY": said["api_key"]}
    return where | {"BLUEPORT_LINE": blueport.line, "BLUEPORT_SIMULATOR_URL": said["simulator_url"]}


def test_its_own_tests_pass_against_the_contract_and_a_real_server(blueport: Blueport) -> None:
    suites = sorted((PACKAGE / "build" / "test").glob("*.test.js"))

    said = node("--test", "--test-reporter=tap", *suites, **_known(blueport))

    assert "no method was passed over" in said
    assert "# SKIP" not in said


def test_what_npm_packs_works_in_empty_projects_of_every_kind(blueport: Blueport, tmp_path: Path) -> None:
    tarball = packed(tmp_path)
    (tmp_path / "main.mjs").write_text(f'import {NAMES} from "@blueport/sdk";{USING}')
    (tmp_path / "main.cjs").write_text(f'const {NAMES} = require("@blueport/sdk"); (async () => {{{USING}}})();')
    for name in ("typed.mts", "typed.cts"):
        (tmp_path / name).write_text(TYPED)
    (tmp_path / "around.d.mts").write_text(AROUND)
    examples = re.findall("```ts\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)
    for at, example in enumerate(examples):
        (tmp_path / f"example{at}.mts").write_text(f"{example}export {{}};\n")

    said = [json.loads(node(name, folder=tmp_path, **_known(blueport))) for name in ("main.mjs", "main.cjs")]
    strict = ("--strict", "--noEmit", "--module", "nodenext", "--target", "ES2022", "typed.mts", "typed.cts")
    tsc(*strict, "--lib", "ES2022,DOM", folder=tmp_path)
    documented = ("around.d.mts", *(f"example{at}.mts" for at in range(len(examples))))
    tsc(*strict, *documented, "--lib", "ES2022", "--types", "node", folder=tmp_path)

    assert said == [[blueport.line, "SignatureVerificationError", True]] * 2
    assert tarball.stat().st_size < 100_000
    assert len(examples) > 6
