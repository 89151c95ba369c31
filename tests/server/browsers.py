"""Somebody with a browser at the dashboard: keeps cookies, says where its forms come from, and follows nothing."""

import functools
import re
from typing import Any
from urllib.parse import urlencode

import httpx2

from blueport.server.signing_in import credentials
from blueport.server.signing_in import service as signing_in
from tests.server.world import World

HOME = "/dashboard"
SIGN_IN = "/dashboard/sign-in"
EMAIL = "olga@example.com"
PASSWORD = "three tame otters"

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')
_hashed = functools.cache(credentials.hashed)


class Browser:
    """One browser of one person."""

    def __init__(self, world: World, address: str = "192.0.2.1") -> None:
        self.world = world
        self.address = address
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def get(self, path: str = HOME, **headers: str) -> httpx2.Response:
        """Open a page."""
        return self.asks("GET", path, headers=headers)

    def post(self, path: str, form: Any = None, **headers: str) -> httpx2.Response:
        """Post a form of a page that this browser has open."""
        given = {"csrf": self.csrf, **(form or {})} if isinstance(form, dict | None) else form
        return self.asks("POST", path, given, {"Sec-Fetch-Site": "same-origin", **headers})

    def asks(self, method: str, path: str, form: Any = None, headers: Any = None) -> httpx2.Response:
        """Ask for anything at all; a form that is bytes is posted as it is."""
        content = form if isinstance(form, bytes | None) else urlencode(form, doseq=True)
        sent = {"User-Agent": "a browser", "Content-Type": "application/x-www-form-urlencoded"}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        client = self.world.client
        client.cookies.clear()  # of the client that all browsers share
        client._transport.client = (self.address, 50_000)  # noqa: SLF001 - it takes one for all requests
        return self._seen(client.request(method, path, content=content, headers=sent, follow_redirects=False))

    def _seen(self, answer: httpx2.Response) -> httpx2.Response:
        for said in answer.headers.get_list("set-cookie"):
            name, value = said.partition(";")[0].split("=", 1)
            kept = {each: token for each, token in self.cookies.items() if each != name}
            self.cookies = {**kept, name: value} if value else kept
        if (found := _CSRF.search(answer.text)) is not None:
            self.csrf = found[1]
        return answer

    def owns(self) -> "Browser":
        """Be the owner's, signed in without a form: to hash a password takes long on purpose."""
        link = self.world.do(signing_in.make_link).token
        wanted = signing_in.Owner(EMAIL, _hashed(PASSWORD))
        token = self.world.do(signing_in.use_link, link, wanted, signing_in.Browser(None, self.address, "unit", None))
        self.cookies = {"blueport_session": token or ""}
        return self.at_home()

    def is_let_in(self) -> "Browser":
        """Be another one of the owner's, signed in without a form."""
        login = self.world.do(signing_in.owner)
        assert login is not None
        token = self.world.do(signing_in.sign_in, login, signing_in.Browser(None, self.address, "unit", None))
        self.cookies = {"blueport_session": token or ""}
        return self.at_home()

    def comes_by_token(self, token: str) -> "Browser":
        """Be the operator's, by the dashboard's token."""
        assert self.get(f"{HOME}?token={token}").status_code == 303
        return self.at_home()

    def comes_to_own(self, email: str = EMAIL, password: str = PASSWORD) -> "Browser":
        """Become the owner, or set another password, by a link."""
        link = self.world.do(signing_in.make_link).token
        answer = self.post("/dashboard/owner", {"link": link, "email": email, "password": password})
        assert answer.status_code == 303, answer.text
        return self.at_home()

    def signs_in(self, email: str = EMAIL, password: str = PASSWORD, **more: str) -> httpx2.Response:
        """Fill in the form, and send it."""
        return self.post(SIGN_IN, {"email": email, "password": password, **more})

    def at_home(self) -> "Browser":
        """Open the first page, as one who is signed in."""
        assert self.get().status_code == 200
        return self

    @property
    def is_signed_in(self) -> bool:
        return self.get().status_code == 200
