"""Webhooks in Django, as a decorator, for views of either kind.

@webhook(settings.WEBHOOK_SECRET)
def heard(request, event):
    return HttpResponse()
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from blueport_sdk.errors import SignatureVerificationError
from blueport_sdk.events import WebhookEvent
from blueport_sdk.webhooks import signature_in, verify_webhook

View = Callable[..., Any]


def webhook(secret: str | Sequence[str]) -> Callable[[View], View]:
    """Have a view be called with the request and what it tells; others are answered with 401 and the reason.

    Deliveries bear no token against forged forms (CSRF): their signature is what tells them apart.

    Args:
        secret: The webhook's secret; several while it is being changed.
    """

    def decorated(view: View) -> View:
        made: View = csrf_exempt(require_POST(_verified(view, secret)))
        return made

    return decorated


def _verified(view: View, secret: str | Sequence[str]) -> View:
    def called(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            event = _event(request, secret)
        except SignatureVerificationError as error:
            return HttpResponse(str(error), status=401, content_type="text/plain")
        return view(request, event, *args, **kwargs)

    async def called_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answer = called(request, *args, **kwargs)
        return await answer if inspect.isawaitable(answer) else answer

    return functools.wraps(view)(called_async if inspect.iscoroutinefunction(view) else called)


def _event(request: HttpRequest, secret: str | Sequence[str]) -> WebhookEvent:
    return verify_webhook(request.body, signature_in(request.headers), secret)
