"""Passwords and tokens: who comes in, what guessing costs, what stands in the file (T10, T11)."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from orchestrator.controller import access as module
from orchestrator.controller.access import Access, Passwords, service_key
from orchestrator.controller.backoff import ADDRESSES_MAX, Backoff
from orchestrator.errors import Busy, Forbidden, OrchestratorError, Refusal
from orchestrator.model.talk import Role

HERE, THERE = "10.0.0.7", "10.0.0.8"
BOTH = Passwords(user="canary-user", admin="canary-admin")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state" / "secrets.json"


@pytest.fixture
def access(file, clock):
    found = Access(file, clock)
    found.set(BOTH)
    return found


@pytest.fixture
def checks(access, monkeypatch):
    """Count the times that a password is compared with a hash, and how many at once."""
    seen = {"all": 0, "now": 0, "most": 0}
    lock, real = threading.Lock(), access._is

    def counted(hashed, password):
        with lock:
            seen["all"] += 1
            seen["now"] += 1
            seen["most"] = max(seen["most"], seen["now"])
        try:
            return real(hashed, password)
        finally:
            with lock:
                seen["now"] -= 1

    monkeypatch.setattr(access, "_is", counted)
    return seen


def test_right_password_gives_a_token_of_ones_own(access):
    one = access.login(Role.USER, "canary-user", "Ann", HERE)
    other = access.login(Role.USER, "canary-user", "Ann", HERE)
    first, second = access.who(one), access.who(other)
    assert (first.role, first.name) == (Role.USER, "Ann")
    assert first.owner != second.owner
    assert len(one) >= 43  # 256 bits
    assert access.who(access.login(Role.ADMIN, "canary-admin", "", HERE)).role is Role.ADMIN


@pytest.mark.parametrize(
    ("role", "password"),
    [
        (Role.USER, "canary-admin"),
        (Role.ADMIN, "canary-user"),
        (Role.USER, ""),
        (Role.USER, "\ud800"),
        (Role.NOBODY, "canary-user"),
    ],
)
def test_wrong_password_gives_nothing(access, role, password):
    with pytest.raises(Forbidden):
        access.login(role, password, "", HERE)


@pytest.mark.parametrize("token", ["", "x", "\ud800", "a" * 100_000])
def test_strange_token_is_nobodys(access, token):
    assert access.who(token) is None
    access.logout(token)


def test_without_a_password_nobody_comes_in_from_elsewhere(file, clock):
    access = Access(file, clock)
    for role in (Role.USER, Role.ADMIN):
        with pytest.raises(Forbidden, match=f"set access.{role.value}Password"):
            access.login(role, "", "", HERE)


def test_open_cluster_takes_anybody_as_a_user_and_nobody_as_administrator(file, clock):
    access = Access(file, clock)
    assert access.set(Passwords(open=True)) == ("open: anybody may submit",)
    token = access.login(Role.USER, "", "Ann", HERE)
    assert access.who(token).role is Role.USER
    with pytest.raises(Forbidden):
        access.login(Role.ADMIN, "", "", HERE)
    assert access.set(Passwords()) == ("open: no longer",)
    assert access.who(token) is None


def test_asking_whether_a_cluster_is_open_is_no_guess(access, checks):
    for _ in range(50):
        with pytest.raises(Forbidden, match="takes a password"):
            access.login(Role.USER, "", "", HERE)
    assert checks["all"] == 0
    assert access.login(Role.USER, "canary-user", "", HERE)


def test_token_that_is_issued_ends_with_the_password_of_its_role(access):
    token = access.issue(Role.ADMIN, "Ann")
    assert (access.who(token).role, access.who(token).name) == (Role.ADMIN, "Ann")
    access.set(replace(BOTH, admin="canary-new"))
    assert access.who(token) is None


def test_token_is_known_after_a_restart_and_not_after_logout(access, file):
    token = access.login(Role.USER, "canary-user", "Ann", HERE)
    again = Access(file)
    assert again.who(token) == access.who(token)
    again.logout(token)
    assert again.who(token) is None
    assert Access(file).who(token) is None


def test_changed_password_ends_the_tokens_that_were_made_with_it(access):
    user = access.login(Role.USER, "canary-user", "", HERE)
    admin = access.login(Role.ADMIN, "canary-admin", "", HERE)
    assert access.set(BOTH) == ()
    (told,) = access.set(Passwords(user="another", admin="canary-admin"))
    assert told == "user password: changed; who logged in with the old one is logged out"
    assert access.who(user) is None
    assert access.who(admin)
    with pytest.raises(Forbidden, match="wrong"):
        access.login(Role.USER, "canary-user", "", HERE)
    (told,) = access.set(Passwords(user="another"))
    assert told.startswith("admin password: removed")
    assert access.who(admin) is None


def test_file_holds_hashes_and_is_its_owners(access, file):
    access.set(Passwords(user="canary-user", service={"": "canary-service", "n1": "canary-n1"}))
    token = access.login(Role.USER, "canary-user", "Ann", HERE)
    text = file.read_text()
    assert "canary" not in text
    assert token not in text
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["secrets.json"]
    data = json.loads(text)
    assert data["hashes"]["user"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_service_key_is_the_same_wherever_it_is_made(access, file):
    access.set(Passwords(service={"": "canary-service", "n1": "canary-n1"}))
    again = Access(file)
    assert again.service_key() == service_key("canary-service") != again.service_key("n1")
    assert len(again.service_key()) == 32
    assert again.service_key("n2") is None


def test_file_that_others_can_read_is_refused(access, file):
    file.chmod(0o640)
    with pytest.raises(Refusal, match="chmod 600"):
        Access(file)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"tokens": [{}]}', "\x00"])
def test_broken_file_is_named(access, file, text):
    file.write_text(text)
    with pytest.raises(OrchestratorError, match="remove it and apply again"):
        Access(file)


def test_what_cannot_be_kept_is_not_given(access, file):
    before = file.read_text()
    file.with_name("secrets.json.part").mkdir()
    with pytest.raises(OrchestratorError, match="nothing was changed"):
        access.login(Role.USER, "canary-user", "", HERE)
    assert file.read_text() == before


# -- what guessing costs


def test_ten_thousand_guesses_cost_few_comparisons(access, checks):
    def guess(number):
        with pytest.raises((Forbidden, Busy)):
            access.login(Role.USER, f"guess {number}", "", HERE)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(guess, range(10_000)))
    assert checks["all"] <= 3 + module.CHECKS_AT_ONCE
    assert checks["most"] <= module.CHECKS_AT_ONCE


def test_guessers_do_not_hold_up_others(access, checks):
    token = access.login(Role.USER, "canary-user", "Ann", THERE)
    for number in range(3):
        with pytest.raises(Forbidden):
            access.login(Role.USER, f"guess {number}", "", HERE)
    with pytest.raises(Busy, match="try again in 1 s"):
        access.login(Role.USER, "canary-user", "", HERE)
    before = checks["all"]
    access.login(Role.USER, "canary-user", "Ann", THERE)  # known: it is not compared again
    assert access.who(token).name == "Ann"
    assert checks["all"] == before


def test_password_that_was_right_is_compared_again_after_a_while(access, checks, clock):
    access.login(Role.USER, "canary-user", "", HERE)
    access.login(Role.USER, "canary-user", "", THERE)
    assert checks["all"] == 1
    clock.now += module.KNOWN_S
    access.login(Role.USER, "canary-user", "", HERE)
    assert checks["all"] == 2


def test_too_many_at_once_are_sent_away(access, monkeypatch):
    monkeypatch.setattr(module, "CHECK_WAIT_S", 0)
    for _ in range(module.CHECKS_AT_ONCE):
        access._checks.acquire()
    with pytest.raises(Busy, match="too many log in at once"):
        access.login(Role.USER, "canary-user", "", HERE)


def test_tokens_have_a_limit(access, monkeypatch):
    monkeypatch.setattr(module, "TOKENS_MAX", 1)
    access.login(Role.USER, "canary-user", "", HERE)
    with pytest.raises(Busy, match="1 clients are logged in"):
        access.login(Role.USER, "canary-user", "", HERE)


def waits(clock, backoff, address):
    """Return how long an address has to wait."""
    start = clock.now
    while True:
        try:
            backoff.check(address)
        except Busy:
            clock.now += 1
        else:
            return clock.now - start


def test_each_wrong_password_makes_the_next_wait_longer(clock):
    backoff, found = Backoff(clock), []
    for _ in range(13):
        backoff.failed(HERE)
        found.append(waits(clock, backoff, HERE))
    assert found == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    backoff.failed(HERE)
    backoff.succeeded(HERE)
    backoff.check(HERE)


def test_a_network_of_addresses_is_one_guesser(clock):
    backoff = Backoff(clock)
    for number in range(3):
        backoff.failed(f"2001:db8::{number}")
    with pytest.raises(Busy):
        backoff.check("2001:db8::ffff")
    backoff.check("2001:db8:1::1")
    for address in ("::ffff:10.0.0.7", "10.0.0.7", "::ffff:10.0.0.7"):
        backoff.failed(address)
    with pytest.raises(Busy):
        backoff.check("10.0.0.7")


def test_only_so_many_addresses_are_remembered(clock):
    backoff = Backoff(clock)
    for number in range(ADDRESSES_MAX + 10):
        backoff.failed(f"name-{number}")
    assert len(backoff._counts) == ADDRESSES_MAX
