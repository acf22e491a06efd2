"""A batch of `run` on this computer, acted upon from another terminal; and while no `run` works."""

import os

import psutil
import pytest
from shop import Shop

pytestmark = pytest.mark.timeout(300)

READS = "echo > begun; read line < go"


@pytest.fixture
def shop(tmp_path):
    """Return a shop whose job `first` runs until something is written into its pipe `go`."""
    shop = Shop(tmp_path)
    os.mkfifo(tmp_path / "begun")
    os.mkfifo(tmp_path / "go")
    shop.shells(
        ("first", ["sh", "-c", READS], {"workingDirectory": str(tmp_path)}),
        ("second", ["true"], {"after": ["first"]}),
    )
    return shop


@pytest.fixture
def running(shop):
    """Return a `run` whose first job has begun."""
    running = shop.start()
    (shop.folder / "begun").read_text()
    yield running
    running.kill()


def readers(shop):
    """Return the commands that wait for the pipe."""
    there = psutil.process_iter(["cmdline", "cwd"])
    ours = (each for each in there if each.info["cwd"] == str(shop.folder))
    return [each for each in ours if READS in (each.info["cmdline"] or ())]


def test_run_does_what_another_terminal_asks(shop, running):
    shop.call("pause", "shop-0001")
    running.wait_for("From another terminal: pause shop-0001")
    assert "did you mean shop-0001/first" in shop.call("cancel", "shop-0001/frist", ends=2).stderr
    said = shop.json("priority", "shop-0001", "high")
    assert said == [{"id": "shop-0001", "done": "high priority"}]
    assert shop.json("status", "shop-0001")["priority"] == "high"
    (shop.folder / "go").write_text("\n")
    running.wait_for(r"job shop-0001/first: Successful")
    assert shop.json("status", "shop-0001")["status"] == "Hold"
    assert running.process.poll() is None
    assert shop.call("resume", "shop-0001").stderr == ""
    running.end()
    assert not any((shop.state / "this-computer" / "asked").iterdir())


def test_cancelled_run_ends_and_says_so(shop, running):
    shop.call("cancel", "shop-0001")
    assert "Batch shop-0001: Cancelled" in running.end(ends=1)
    assert readers(shop) == []


def test_what_no_run_works_on_is_acted_upon_all_the_same(shop, running):
    running.kill()
    assert readers(shop)
    assert "the next one goes on with it" in shop.call("pause", "shop-0001/second").stderr
    assert shop.call("cancel", "shop-0001").stderr == ""
    assert shop.json("status", "shop-0001")["status"] == "Cancelled"
    assert readers(shop) == []
    assert "the next one goes on" in shop.call("retry", "shop-0001/second").stderr
