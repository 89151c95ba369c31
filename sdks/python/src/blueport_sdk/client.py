"""The client that waits for each answer."""

import copy
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Concatenate, ParamSpec, TypeVar

import httpx2

from blueport_sdk import connecting, endpoints, streaming
from blueport_sdk.bodies import Upload
from blueport_sdk.describing import described
from blueport_sdk.events import Event
from blueport_sdk.exchanging import Answer, Options, Outcome, Request, Steps, Wait, tries
from blueport_sdk.models import Item, Listed
from blueport_sdk.pages import Page, page_of

P = ParamSpec("P")
T = TypeVar("T")
Sent = TypeVar("Sent")


def _method(describe: Callable[P, Steps[T]]) -> Callable[Concatenate["Client", P], T]:
    """Return the method that does what *describe* says."""

    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(describe(*args, **kwargs))

    return described(method, describe, owner="Client")


def _pages(describe: Callable[P, Steps[Listed[Item]]]) -> Callable[Concatenate["Client", P], Page[Item]]:
    """Return the method that lists what *describe* says, page by page."""

    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Page[Item]:
        def following(cursor: str) -> Listed[Item]:
            return self._run(describe(*args, **{**kwargs, "cursor": cursor}))  # type: ignore[arg-type]

        return page_of(self._run(describe(*args, **kwargs)), following)

    return described(method, describe, owner="Client", pages=Page)


class Client:
    """The API of a Blueport installation.

    It keeps connections open between calls: close it, or use it in a `with` statement. Threads may share it.
    """

    send_message = _method(endpoints.send_message)
    send_reaction = _method(endpoints.send_reaction)
    start_typing = _method(endpoints.start_typing)
    stop_typing = _method(endpoints.stop_typing)
    send_read_receipt = _method(endpoints.send_read_receipt)
    upload_file = _method(endpoints.upload_file)
    send_contact_card = _method(endpoints.send_contact_card)
    send_audio_message = _method(endpoints.send_audio_message)
    edit_message = _method(endpoints.edit_message)
    unsend_message = _method(endpoints.unsend_message)
    create_chat = _method(endpoints.create_chat)
    rename_chat = _method(endpoints.rename_chat)
    add_participant = _method(endpoints.add_participant)
    remove_participant = _method(endpoints.remove_participant)
    leave_chat = _method(endpoints.leave_chat)
    list_lines = _pages(endpoints.list_lines)
    list_chats = _pages(endpoints.list_chats)
    list_messages = _pages(endpoints.list_messages)
    list_reactions = _pages(endpoints.list_reactions)
    list_typing_indicators = _pages(endpoints.list_typing_indicators)
    list_read_receipts = _pages(endpoints.list_read_receipts)
    list_webhooks = _pages(endpoints.list_webhooks)
    list_webhook_deliveries = _pages(endpoints.list_webhook_deliveries)
    list_webhook_attempts = _pages(endpoints.list_webhook_attempts)
    list_events = _method(endpoints.list_events)
    get_outbox_item = _method(endpoints.get_outbox_item)
    wait_for_outbox_item = _method(endpoints.wait_for_outbox_item)
    get_file_url = _method(endpoints.get_file_url)
    download_file = _method(endpoints.download_file)
    create_webhook = _method(endpoints.create_webhook)
    delete_webhook = _method(endpoints.delete_webhook)
    rotate_webhook_secret = _method(endpoints.rotate_webhook_secret)
    enable_webhook = _method(endpoints.enable_webhook)
    replay_webhook_deliveries = _method(endpoints.replay_webhook_deliveries)
    test_webhook = _method(endpoints.test_webhook)
    get_sandbox = _method(endpoints.get_sandbox)
    activate_sandbox = _method(endpoints.activate_sandbox)
    get_settings = _method(endpoints.get_settings)
    update_settings = _method(endpoints.update_settings)

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout_s: float = 30.0,
        max_retries: int = 2,
        http: httpx2.Client | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Make a client.

        Args:
            api_key: `sk_live_...`; else `MESSAGES_API_KEY`.
            base_url: Where the server is; else `MESSAGES_API_URL`, else what `blueport dev` serves.
            timeout_s: How long the server may be silent, in seconds.
            max_retries: How often what may pass is tried again.
            http: A client of yours, with proxies, certificates and so on; it is not closed.
            sleep: Waits for so many seconds.

        Raises:
            ValueError: There is no key.
        """
        self._place = connecting.place(base_url, api_key)
        self._options = Options(timeout_s, max_retries)
        self._http = http or httpx2.Client()
        self._is_ours = http is None
        self._sleep = sleep

    def with_options(
        self, *, idempotency_key: str | None = None, timeout_s: float | None = None, max_retries: int | None = None
    ) -> "Client":
        """Return a client whose calls are different, on the same connections, which it does not close.

        Args:
            idempotency_key: Names the effect of one call: the same call under the same key has it once, for a day.
            timeout_s: How long the server may be silent, in seconds.
            max_retries: How often what may pass is tried again.
        """
        other = copy.copy(self)
        options = self._options.changed(timeout_s, max_retries, idempotency_key)
        vars(other).update(_options=options, _is_ours=False)
        return other

    def events(
        self,
        *,
        after: str | None = None,
        from_: str | None = None,
        events: Sequence[str] | None = None,
        on_place: Callable[[str], object] | None = None,
    ) -> Generator[Event, None, None]:
        """Yield what happens, for ever, each once and in order, whatever is cut off or restarted meanwhile.

        Whoever stops early may close it (`contextlib.closing`): it has a connection of its own.

        Args:
            after: Begin behind this event (`evt_...`); else with what happens from now on.
            from_: Only those of this line.
            events: Only those of these types.
            on_place: Is told where to go on (`after`) another time: where it begins, and behind each event once the
                next one is asked for.

        Raises:
            MessagesError: It is not allowed, or will not work.
        """
        following = streaming.Following(after=after, from_=from_, events=events, on_place=on_place)
        while True:
            with closing(self._pieces(following)) as pieces:
                for piece in pieces:
                    yield from following.heard(piece)
            self._sleep(following.wait_s())

    def close(self) -> None:
        """Close the connections."""
        if self._is_ours:
            self._http.close()

    def __enter__(self) -> "Client":  # noqa: PYI034  # Python 3.10 has no Self
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._place.base_url!r})"

    def _run(self, steps: Steps[T]) -> T:
        return _driven(steps, self._asked)

    def _asked(self, step: Request | Wait) -> Answer | None:
        if isinstance(step, Wait):
            self._sleep(step.seconds)
            return None
        return _driven(tries(step, self._options), self._tried)

    def _tried(self, step: Request | Wait) -> Outcome | None:
        if isinstance(step, Wait):
            self._sleep(step.seconds)
            return None
        try:
            with (
                _opened(step) as chunks,
                self._http.stream(**self._place.sent(step, self._options, chunks)) as response,
            ):
                return connecting.answer_of(response, _content(response))
        except httpx2.RequestError as error:
            return self._place.failed(step, error)

    def _pieces(self, following: streaming.Following) -> Generator[bytes, None, None]:
        """Yield what one connection brings."""
        request = following.request()
        try:
            with self._http.stream(**self._place.sent(request, self._options)) as response:
                if not streaming.is_stream(response.status_code, response.headers.get("content-type", "")):
                    following.refused(connecting.answer_of(response, _content(response)))
                    return
                yield from response.iter_bytes()
        except httpx2.RequestError as error:
            following.failed(self._place.failed(request, error))


def _driven(steps: Generator[Request | Wait, Sent | None, T], do: Callable[[Request | Wait], Sent | None]) -> T:
    """Do all of *steps*, and return what they return."""
    try:
        step = next(steps)
        while True:
            step = steps.send(do(step))
    except StopIteration as ended:
        result: T = ended.value
        return result


@contextmanager
def _opened(request: Request) -> Generator[Iterator[bytes] | None, None, None]:
    """Return the bytes of the file that is sent, None if none is."""
    if not isinstance(request.body, Upload):
        yield None
        return
    with request.body.opened() as file:
        yield request.body.chunks(file)


def _content(response: httpx2.Response) -> bytes | None:
    """Return the body, or None if it is cut off."""
    try:
        return response.read()
    except httpx2.RequestError:
        return None
