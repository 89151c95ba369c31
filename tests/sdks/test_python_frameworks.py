"""A webhook in each framework, in a line or two: the view sees what is genuine, everybody else is answered with 401."""

import asyncio
import json
import subprocess
import sys
import time
import types
from collections.abc import Callable
from typing import Annotated, Any

import django.conf
import django.core.asgi
import django.core.wsgi
import django.http
import django.urls
import flask
import httpx2
import pytest
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import blueport_sdk.django
import blueport_sdk.fastapi
import blueport_sdk.flask
import blueport_sdk.starlette
from blueport.server.notifying.delivering.signing import new_secret, signed
from blueport_sdk import SignedDelivery, WebhookEvent, build_webhook_delivery
from tests.sdks.player import CONTRACT

SECRET = "whsec_of_this_test"
RECEIVED = json.loads((CONTRACT / "events" / "message.received.json").read_text())["data"]

Hear = Callable[[WebhookEvent], None]
Transport = httpx2.WSGITransport | httpx2.ASGITransport


def _of_starlette(hear: Hear) -> Transport:
    async def view(request: Request) -> Response:
        hear(await blueport_sdk.starlette.webhook_event(request, SECRET))
        return Response()

    return httpx2.ASGITransport(Starlette(routes=[Route("/hook", view, methods=["POST"])]))


def _of_fastapi(hear: Hear) -> Transport:
    app = FastAPI()

    @app.post("/hook")
    async def view(event: Annotated[WebhookEvent, Depends(blueport_sdk.fastapi.webhook(SECRET))]) -> None:
        hear(event)

    return httpx2.ASGITransport(app)


def _of_flask(hear: Hear) -> Transport:
    app = flask.Flask(__name__)

    @app.post("/hook")
    def view() -> str:
        hear(blueport_sdk.flask.webhook_event(SECRET))
        return ""

    return httpx2.WSGITransport(app)


def _of_django(hear: Hear) -> Transport:
    @blueport_sdk.django.webhook(SECRET)
    def view(_: Any, event: WebhookEvent) -> Any:
        hear(event)
        return django.http.HttpResponse()

    _route(view)
    return httpx2.WSGITransport(django.core.wsgi.get_wsgi_application())


def _of_django_async(hear: Hear) -> Transport:
    @blueport_sdk.django.webhook(SECRET)
    async def view(_: Any, event: WebhookEvent) -> Any:
        hear(event)
        return django.http.HttpResponse()

    _route(view)
    return httpx2.ASGITransport(django.core.asgi.get_asgi_application())


def _route(view: Any) -> None:
    """Have Django serve *view*, behind what keeps forged forms out."""
    urls = types.ModuleType("urls")
    urls.urlpatterns = [django.urls.path("hook", view)]  # type: ignore[attr-defined]
    settings = {"MIDDLEWARE": ["django.middleware.csrf.CsrfViewMiddleware"], "ALLOWED_HOSTS": ["app.example.com"]}
    if not django.conf.settings.configured:
        django.conf.settings.configure(**settings, LOGGING_CONFIG=None)
    django.conf.settings.ROOT_URLCONF = urls


APPS: dict[str, Callable[[Hear], Transport]] = {
    "starlette": _of_starlette,
    "fastapi": _of_fastapi,
    "flask": _of_flask,
    "django": _of_django,
    "django_async": _of_django_async,
}


def _posted(transport: Transport, delivery: SignedDelivery, **more: str) -> httpx2.Response:
    asked = {"url": "http://app.example.com/hook", "content": delivery.body, "headers": {**delivery.headers, **more}}
    if isinstance(transport, httpx2.WSGITransport):
        with httpx2.Client(transport=transport) as client:
            return client.post(**asked)
    return asyncio.run(_posted_async(transport, asked))


async def _posted_async(transport: httpx2.ASGITransport, asked: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(transport=transport) as client:
        return await client.post(**asked)


@pytest.mark.parametrize("app", APPS)
class TestWebhook:
    def test_a_delivery_reaches_the_view_typed(self, app: str) -> None:
        heard: list[WebhookEvent] = []

        answer = _posted(APPS[app](heard.append), build_webhook_delivery("message.received", RECEIVED, SECRET))

        assert answer.status_code == 200
        [event] = heard
        assert event.event == "message.received"
        assert event.data.text == RECEIVED["text"]

    def test_while_the_secret_is_changed_the_earlier_one_is_good(self, app: str) -> None:
        heard: list[WebhookEvent] = []
        secrets, now_ms = [new_secret(), SECRET], time.time_ns() // 1_000_000
        made = signed("message.received", json.dumps(RECEIVED), delivery_id="dlv_1", secrets=secrets, now_ms=now_ms)

        answer = _posted(APPS[app](heard.append), SignedDelivery(*made))

        assert answer.status_code == 200
        assert len(heard) == 1

    @pytest.mark.parametrize(
        ("delivery", "reason"),
        [
            (build_webhook_delivery("message.received", RECEIVED, "whsec_of_another"), "the signature is not"),
            (build_webhook_delivery("message.received", RECEIVED, SECRET, timestamp=1), "300 s off"),
            (SignedDelivery(b"", {}), "no X-Webhook-Signature"),
            (SignedDelivery(b"{}", {"X-Webhook-Signature": "00"}), "no timestamp"),
        ],
        ids=["forged", "old", "unsigned", "empty"],
    )
    def test_anything_else_is_answered_with_401_and_why(self, app: str, delivery: SignedDelivery, reason: str) -> None:
        heard: list[WebhookEvent] = []

        answer = _posted(APPS[app](heard.append), delivery)

        assert answer.status_code == 401
        assert reason in answer.text
        assert heard == []


def test_no_framework_is_loaded_before_it_is_asked_for() -> None:
    asked = "import sys, blueport_sdk; print(sorted({'starlette', 'fastapi', 'flask', 'django'} & set(sys.modules)))"

    shown = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout

    assert shown.strip() == "[]"
