"""`kill -9` of a real `run` at eight moments, then the same command again (F01, P2, P4)."""

import hashlib
import shutil

import pytest
from media import generated
from shop import Shop

pytestmark = [pytest.mark.timeout(300), pytest.mark.fault("F01")]

MOMENTS = {
    "accepted": r"batch shop-0001: accepted",
    "probe given out": r"clip/probe: attempt",
    "planned": r"job shop-0001/clip: 2 targets",
    "first segment running": r"000000/encode: attempt .* on",
    "first segment accepted": r"00000\d/encode: Successful",
    "assembling": r"/assemble: attempt .* on",
    "verifying": r"/verify: attempt .* on",
    "publishing": r"/publish: attempt .* on",
}
OUTPUTS = [("prores-422-hq", "out/a.mov"), ("h264-1080p", "out/a.mp4")]


def hashes(shop):
    """Return the hash of each file at the destinations; none may be partial."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted((shop.folder / "out").iterdir())
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("undisturbed"))
    shop.write(*OUTPUTS, source=generated("sound.mp4"), segments={"frames": 20}).run()
    return hashes(shop)


@pytest.mark.pitfall(20)
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_run_goes_on_and_ends_the_same(moment, tmp_path, undisturbed):
    shop = Shop(tmp_path).write(*OUTPUTS, source=generated("sound.mp4"), segments={"frames": 20})
    running = shop.start()
    running.wait_for(MOMENTS[moment])
    running.kill()
    out = shop.folder / "out"
    whole = hashes(shop) if out.exists() else {}
    assert all(undisturbed[name] == each for name, each in whole.items() if name in undisturbed)
    assert all(name in undisturbed or name.startswith(".") for name in whole)
    shop.run()
    assert hashes(shop) == undisturbed
    assert set(shop.acceptances().values()) == {1}
    assert len(shop.attempts()) == len(shop.acceptances()), "something was done twice"


def test_killed_after_the_last_step_it_only_tells_how_it_ended(tmp_path):
    shop = Shop(tmp_path).write(("wav", "out/a.wav"), source=generated("sound.mp4"))
    running = shop.start()
    running.wait_for("batch shop-0001: Successful")
    running.kill()
    shop.run()
    assert shop.json("status", "--all")[0]["batchid"] == "shop-0001"
    assert len(shop.json("status", "--all")) == 1


@pytest.mark.pitfall(20)
def test_results_that_are_gone_are_made_again(tmp_path):
    shop = Shop(tmp_path).write(OUTPUTS[1], source=generated("sound.mp4"), segments={"frames": 20})
    running = shop.start()
    running.wait_for(r"00000\d/encode: Successful")
    running.kill()
    shutil.rmtree(shop.state / "this-computer/storage")
    assert "gone from" in shop.run().stderr


def test_ledger_that_was_deleted_does_not_stop_the_next_run(tmp_path):
    shop = Shop(tmp_path).write(("wav", "out/a.wav"), source=generated("sound.mp4"))
    shop.run()
    shop.run(ends=1)
    for file in (shop.state / "this-computer").glob("ledger.db*"):
        file.unlink()
    shop.write(("wav", "out/b.wav"), source=generated("sound.mp4")).run()
    assert (shop.folder / "out/b.wav").exists()
