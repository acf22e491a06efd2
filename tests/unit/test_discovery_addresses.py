"""Addresses and ranges given by hand, and what TXT records may say."""

import pytest

from orchestrator.discovery.addresses import places, probed
from orchestrator.discovery.announce import addresses_of, properties
from orchestrator.discovery.find import services_of
from orchestrator.discovery.protocol import Notice
from orchestrator.errors import OrchestratorError, Refusal


def test_addresses_ranges_and_names_become_places():
    assert places(["10.0.4.7", "10.0.4.8/30", "mac.lan:50004", "10.0.4.9", "::1", "[::1]:9"]) == (
        ("10.0.4.7", 50000),
        ("10.0.4.9", 50000),
        ("10.0.4.10", 50000),
        ("mac.lan", 50004),
        ("::1", 50000),
        ("::1", 9),
    )


@pytest.mark.parametrize("text", ["10.0.4.0/99", "mac:0", "mac:port", ":1", "10.0.0.0/8"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(Refusal, match=r"network\.addresses"):
        places([text])


def test_many_are_asked_a_few_at_a_time_and_only_answers_count():
    asked = probed(
        [("h", n) for n in range(100)], lambda place: place if place[1] % 50 == 0 else None
    )
    assert asked == (("h", 0), ("h", 50))


def test_services_of_a_stranger_are_read_with_care():
    text = "render:8 compressor:4 x y:-1 z:99999 ../:1 render: :1 w:\uff14"
    assert services_of(text) == {"render": 8, "compressor": 4}
    notice = Notice(name="n" * 999, id="1", port=1, services={"render": 8, "compressor": 4})
    assert services_of(properties(notice)["services"]) == notice.services
    assert len(properties(notice)["name"]) == 200


def test_an_interface_that_is_not_there_is_named_with_those_that_are():
    assert "127.0.0.1" in addresses_of("lo") + addresses_of("127.0.0.1")
    with pytest.raises(OrchestratorError, match=r"'nope': there is none here; there are .*lo"):
        addresses_of("nope")
