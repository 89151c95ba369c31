"""What holds of every endpoint that names a line and a chat, and what it refuses."""

from collections.abc import Callable
from typing import NamedTuple, get_args

import pytest

from blueport.protocol.door import Capability
from blueport.protocol.sightings import Sighting
from blueport.server.authorizing.keys import SCOPES, Scope
from tests.server.answers import assert_done, assert_refused
from tests.server.endpoints import SCOPE_OF
from tests.server.world import ADA, CARL, Caller, Customer, Json, text_in_group

NOBODYS_ID = "00000000000000000000000000"
NOBODYS_LINE = "+15559999999"


class Form(NamedTuple):
    """An endpoint with a request that it takes."""

    method: str
    path: str
    scope: Scope
    asked: dict[str, Json]

    def ask(self, caller: Caller, **changes: Json) -> Json:
        """Ask with some parameters changed, and those that are `...` left out."""
        asked = {name: value for name, value in (self.asked | changes).items() if value is not ...}
        return caller.get(self.path, asked) if self.method == "GET" else caller.post(self.path, asked)


def to_ada(customer: Customer, method: str, path: str, **more: Json) -> Form:
    """Return what asks an endpoint about the line's chat with Ada."""
    return Form(method, path, SCOPE_OF[method, path], {"from": customer.line, "to": ADA, **more})


Refusal = tuple[dict[str, Json], int, str, str]

# Params of parametrize: what is changed, and what that comes to.
LINE_REFUSALS: list[Refusal] = [
    ({"from": ...}, 400, "missing_required_parameter", "from"),
    ({"to": ...}, 400, "missing_required_parameter", "to"),
    ({"from": ""}, 400, "invalid_parameter_value", "from"),
    ({"from": "cht_01"}, 400, "invalid_parameter_value", "from"),
    ({"from": "nobody"}, 400, "invalid_parameter_value", "from"),
    ({"to": ""}, 400, "invalid_parameter_value", "to"),
    ({"to": "ln_01", "from": NOBODYS_LINE}, 400, "invalid_parameter_value", "to"),
    ({"from": NOBODYS_LINE}, 404, "line_not_found", "from"),
    ({"from": f"ln_{NOBODYS_ID}", "to": f"cht_{NOBODYS_ID}"}, 404, "line_not_found", "from"),
    ({"to": f"cht_{NOBODYS_ID}"}, 404, "chat_not_found", "to"),
]
WRITE_REFUSALS: list[Refusal] = [
    *LINE_REFUSALS,
    ({"from": 5}, 400, "invalid_parameter_value", "from"),
    ({"to": ["+15550100001"]}, 400, "invalid_parameter_value", "to"),
    ({"to": "5551234"}, 400, "invalid_parameter_value", "to"),
    ({"to": CARL}, 403, "contact_has_not_messaged", "to"),
]
READ_REFUSALS: list[Refusal] = [
    *LINE_REFUSALS,
    ({"to": CARL}, 404, "chat_not_found", "to"),
    ({"to": "nobody"}, 404, "chat_not_found", "to"),
    ({"limit": "0", "from": NOBODYS_LINE}, 400, "invalid_parameter_value", "limit"),
    ({"limit": "ten"}, 400, "invalid_parameter_value", "limit"),
    ({"cursor": "abc"}, 400, "invalid_parameter_value", "cursor"),
]


def assert_key_is_judged(customer: Customer, form: Form) -> None:
    """Judge what is refused before anything is looked at but the key, and whether the one scope is enough."""
    world = customer.world
    stranger = Caller(world, "sk_live_nonsense")
    others = customer.caller(*[scope for scope in SCOPES if scope != form.scope])
    nameless = world.client.request(form.method, form.path)

    assert_refused(nameless, 401, "missing_api_key")
    assert_refused(form.ask(stranger, **dict.fromkeys(form.asked, "")), 401, "invalid_api_key")
    assert_refused(form.ask(others, **dict.fromkeys(form.asked, "")), 403, "insufficient_scope")
    assert form.ask(customer.caller(form.scope)).status_code in (200, 201)


def assert_line_is_judged(customer: Customer, form: Form) -> None:
    """Judge the refusal of a key that is restricted to another line of the account."""
    other = customer.world.add_line(customer.account_id, "+15550101009", customer.mac)
    restricted = customer.caller(line_ids=(other,))

    for name in (customer.line, customer.line_id):
        assert_refused(form.ask(restricted, **{"from": name}), 403, "line_not_accessible", "from")


def assert_body_is_judged(customer: Customer, form: Form) -> None:
    """Judge the refusal of bodies that are no JSON objects."""
    for body in (b"", b"{", b"[]", b"\xff", b'{"from":1,"from":2}'):
        assert_refused(customer.call("POST", form.path, content=body), 400, "invalid_json")


class Writing:
    """What holds of what needs a capability of the line; heirs name that, and have fixtures.

    `form` is taken, and `still_form` would be: it asks for a module's Alice, who is only ever refused.
    """

    capability: Capability

    def test_the_answer_is_exactly_id_status_and_request_id(self, alice: Customer, form: Form) -> None:
        answer = form.ask(alice)

        assert_done(answer, 201)
        assert set(answer.json()) == {"id", "status", "request_id"}
        assert answer.json()["id"].startswith("obx_")
        assert answer.json()["status"] == "pending"

    @pytest.mark.parametrize(("changes", "status", "code", "param"), WRITE_REFUSALS)
    def test_a_line_or_chat_that_is_wrong_is_told(
        self, still: Customer, still_form: Form, changes: dict[str, Json], status: int, code: str, param: str
    ) -> None:
        assert_refused(still_form.ask(still, **changes), status, code, param)

    def test_a_line_that_cannot_do_it_needs_advanced_features(self, alice: Customer, form: Form) -> None:
        others = [other for other in get_args(Capability) if other != self.capability]
        alice.mac.hello(alice.line, capabilities=tuple(others))

        assert_refused(form.ask(alice, to=CARL), 400, "advanced_features_required")

    def test_the_key_is_judged_first(self, alice: Customer, form: Form) -> None:
        assert_key_is_judged(alice, form)
        assert_line_is_judged(alice, form)
        assert_body_is_judged(alice, form)


class ReadingPeers:
    """What holds of lists of what people in a chat do; heirs say how it is `seen`.

    They have fixtures `query`, and `still_query` of a module's Alice.
    """

    seen: Callable[..., Sighting]

    def test_nothing_seen_is_an_empty_list(self, alice: Customer, query: Form) -> None:
        assert query.ask(alice).json()["data"] == []

    def test_a_group_has_none(self, alice: Customer, query: Form) -> None:
        said = text_in_group("chat100", ADA, alice.line)
        alice.mac.sees(said, self.seen(alice.line, chat=said.chat))

        answer = query.ask(alice, to=alice.group())

        assert_done(answer)
        assert answer.json()["data"] == []

    def test_pages_may_be_asked_for(self, alice: Customer, query: Form) -> None:
        alice.mac.sees(self.seen(alice.line))

        page = query.ask(alice, limit=1).json()

        assert (len(page["data"]), page["has_more"], page["next_cursor"]) == (1, False, None)

    @pytest.mark.parametrize(("changes", "status", "code", "param"), READ_REFUSALS)
    def test_what_is_wrong_is_told(
        self, still: Customer, still_query: Form, changes: dict[str, Json], status: int, code: str, param: str
    ) -> None:
        assert_refused(still_query.ask(still, **changes), status, code, param)

    def test_the_key_is_judged_first(self, alice: Customer, query: Form) -> None:
        assert_key_is_judged(alice, query)
        assert_line_is_judged(alice, query)
