"""The TypeScript SDK in a page of another origin than the server's."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page

from tests.sdks.node import PACKAGE, build, skip_without_node
from tests.system.blueport import ADA, Blueport

SHELL = """<!doctype html><link rel="icon" href="data:,"><script type="importmap">{"imports": {
  "@blueport/sdk": "/dist/esm/index.js", "zod": "/node_modules/zod/index.js"
}}</script>"""
AGENT = """async ({ apiKey, baseUrl, from, to }) => {
  const { createClient, buildWebhookDelivery, verifyWebhook } = await import("@blueport/sdk");
  const client = createClient({ apiKey, baseUrl });
  const heard = [];
  for await (const { event, data } of client.events({ after: "evt_" + "0".repeat(26) })) {
    heard.push(event, data.text);
    break;
  }
  const content = new Blob(["Hi"]);
  const file = await client.uploadFile({ file: content, filename: "Grüße.txt", mimeType: "text/plain" });
  const sent = await client.sendMessage({ from, to, attachments: [file.id] });
  const { status } = await client.waitForOutboxItem(sent);
  const back = await client.downloadFile(file);
  const { url } = await client.getFileUrl(file);
  const { body, headers } = await buildWebhookDelivery("typing.started", {
    id: "ind_1", chatId: "cht_1", handle: to, isTyping: true, updatedAt: 1, lineId: "ln_1", lineHandle: from,
  }, "secret");
  const { event } = await verifyWebhook(body, headers["X-Webhook-Signature"], "secret");
  return { heard, status, name: back.filename, text: new TextDecoder().decode(back.data), url, event };
}"""


class Files(SimpleHTTPRequestHandler):
    """Serves the SDK as it is built, and a page that may import it."""

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(SHELL.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Where the SDK is served."""
    skip_without_node()
    build()
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(PACKAGE))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_agent_in_a_page_hears_sends_and_fetches(origin: str, page: Page, blueport: Blueport) -> None:
    blueport.texts(ADA, "Hi, page")
    url = blueport.said["api_url"]
    given = {"apiKey": blueport.said["api_key"], "baseUrl": url, "from": blueport.line, "to": ADA}
    page.goto(origin)

    # Not awaited there: a page that never answers has a time only where it is waited for.
    page.evaluate(f"given => void ({AGENT})(given).then(told => {{ window.told = told }})", given)

    told = page.wait_for_function("window.told").json_value()
    assert told["heard"] == ["message.received", "Hi, page"]
    assert (told["status"], told["name"], told["text"]) == ("sent", "Grüße.txt", "Hi")
    assert told["url"].startswith(f"{url}/files/file_")
    assert told["event"] == "typing.started"
