"""A ledger that is lost while a `run` is under way: its backup, and what storage proves (F08, P4)."""

from datetime import UTC, datetime

import pytest
from media import generated
from shop import Shop

from orchestrator.ledger.backups import Backups

pytestmark = [pytest.mark.timeout(300), pytest.mark.fault("F08")]


def accepted(shop):
    """Return the attempt that each accepted task has."""
    with shop.ledger() as ledger:
        return {r.task: r.id for r in ledger.attempts("shop-0001") if r.accepted}


def test_results_since_the_backup_are_taken_from_storage(tmp_path):
    shop = Shop(tmp_path).write(
        ("h264-1080p", "out/a.mp4"), source=generated("sound.mp4"), segments={"frames": 20}
    )
    path = shop.state / "this-computer/ledger.db"
    running = shop.start()
    running.wait_for(r"job shop-0001/clip: 1 target")
    Backups(path).make(datetime.now(UTC))
    for _ in range(2):
        running.wait_for(r"0000\d\d/encode: Successful")
    running.kill()
    before = accepted(shop)
    for each in path.parent.glob("ledger.db*"):
        each.unlink()
    shown = shop.json("controller", "recover", ends=1)
    found = {each["task"]: each["attempt"] for each in shown["results"]}
    assert found.items() >= {t: id for t, id in before.items() if t.endswith("/encode")}.items()
    assert not shown["done"]
    assert not path.exists()
    done = shop.json("controller", "recover", "--yes")
    assert (done["done"], done["taken"]) == (True, len(done["results"]))
    assert "nothing to recover" in shop.call("controller", "recover", "--yes").stdout
    assert accepted(shop).items() >= {**before, **found}.items()
    shop.run()  # which verifies
    assert accepted(shop).items() >= {**before, **found}.items()
    assert set(shop.acceptances().values()) == {1}
    assert all(len(shop.attempts(task)) == 1 for task in {**before, **found})
    assert (shop.folder / "out/a.mp4").exists()


def test_segment_that_was_changed_is_encoded_again_and_no_other(tmp_path):  # T21
    shop = Shop(tmp_path).write(
        ("h264-1080p", "out/a.mp4"), source=generated("sound.mp4"), segments={"frames": 25}
    )
    running = shop.start()
    running.wait_for(r"000001/encode: Successful")
    running.kill()
    before = accepted(shop)
    changed = "shop-0001/clip/h264-1080p/000001/encode"
    folder = shop.state / "this-computer/storage/attempts" / before[changed]
    (segment,) = folder.glob("segment.*")
    data = bytearray(segment.read_bytes())
    at = data.index(b"mdat") + 2000
    data[at : at + 9] = b"forgotten"
    segment.write_bytes(data)
    shop.run()  # which verifies
    after = accepted(shop)
    assert after[changed] != before.pop(changed)
    assert after.items() >= before.items()
    tries = {task: len(shop.attempts(task)) for task in after if task.endswith("/encode")}
    assert tries == {task: 1 + (task == changed) for task in tries}
    with shop.ledger() as ledger:
        told = [each for each in ledger.events(0, 10_000) if each.kind == "withdrawn"]
    assert [each.data["attempt"] for each in told] == [folder.name]
