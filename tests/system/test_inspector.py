"""What `blueport dev` tells the page beside the phones of a conversation."""

import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.patience import PATIENCE_S
from tests.system.blueport import ADA, Blueport, until

Json = Any


def told(blueport: Blueport) -> Json:
    return blueport.simulator("GET", f"/inspector/conversation?line=%2B{blueport.line[1:]}&with=%2B{ADA[1:]}")


def refused(url: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(url, timeout=PATIENCE_S)
    refusal.value.close()
    return refusal.value.code


def test_the_simulated_mac_passes_on_what_the_server_tells(blueport: Blueport) -> None:
    assert blueport.simulator("GET", "/inspector") == {"is_on": True, "url": blueport.said["api_url"]}
    blueport.texts(ADA, "Hi")
    until(lambda: told(blueport)["events"])
    outbox_id = blueport.sends(ADA, "Hello")
    until(lambda: told(blueport)["outbox"][0]["status"] == "sent")

    (request,) = told(blueport)["requests"]

    assert request["json"]["answer"]["body"]["id"] == outbox_id


@pytest.mark.parametrize("what", ["other", "conversation%2F..%2Fother", "..%2Fv1%2Flines"])
def test_it_passes_on_nothing_else(blueport: Blueport, what: str) -> None:
    assert refused(f"{blueport.said['simulator_url']}/inspector/{what}") == 404


def test_the_servers_refusals_come_through(blueport: Blueport) -> None:
    assert refused(f"{blueport.said['simulator_url']}/inspector/conversation") == 400
