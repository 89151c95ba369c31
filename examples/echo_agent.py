"""An agent that repeats what it is told: python examples/echo_agent.py API_URL API_KEY."""

import hashlib
import hmac
import http.server
import json
import sys
import time
import urllib.request


def call(method: str, path: str, body: dict, **headers: str) -> dict:
    headers |= {"Authorization": f"Bearer {sys.argv[2]}", "Content-Type": "application/json"}
    request = urllib.request.Request(sys.argv[1] + path, json.dumps(body).encode(), headers, method=method)
    return json.load(urllib.request.urlopen(request))


class Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        stamp = self.headers["X-Webhook-Timestamp"]
        expected = hmac.new(secret.encode(), f"{stamp}.".encode() + raw, hashlib.sha256).hexdigest()
        said = self.headers.get("X-Webhook-Signature", "")
        is_genuine = hmac.compare_digest(expected.encode(), said.encode())  # as bytes: a stranger may write anything
        if not is_genuine or abs(time.time() * 1000 - int(stamp)) > 300_000:
            return self.send_error(401)
        event = json.loads(raw)
        heard = event["data"]
        reply = {"from": heard["line_id"], "to": heard["chat_id"], "text": f"You said: {heard['text']}"}
        call("POST", "/v1/messages", reply, **{"Idempotency-Key": event["delivery_id"]})  # told twice, said once
        self.send_response(200)
        self.end_headers()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
url = f"http://127.0.0.1:{server.server_port}/"
secret = call("POST", "/v1/webhooks", {"from": "", "url": url, "events": ["message.received"]})["secret"]
print("listening: text the line from the phone page", flush=True)
server.serve_forever()
