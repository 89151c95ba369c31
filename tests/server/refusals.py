"""What every endpoint that names a line and a chat refuses, in the order in which errors are judged."""

from typing import NamedTuple

import pytest

from blueport.server.authorizing.keys import SCOPES, Scope
from tests.server.answers import assert_refused
from tests.server.world import CARL, Caller, Customer, Json

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
each_write_refusal = pytest.mark.parametrize(("changes", "status", "code", "param"), WRITE_REFUSALS)
each_read_refusal = pytest.mark.parametrize(("changes", "status", "code", "param"), READ_REFUSALS)


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
