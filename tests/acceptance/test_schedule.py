"""A real `run` on a computer that is closed: it waits with the reason, and says it to who asks."""

import signal

import pytest
from media import generated
from shop import Shop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
SHUT = {**dict.fromkeys(DAYS, "off"), "timezone": "Pacific/Chatham"}
OUTPUT = ("wav", "out/a.wav")


def test_run_outside_the_schedule_of_its_computer_waits_and_is_explained(tmp_path):  # F-SCHED-11
    shop = Shop(tmp_path)
    source = generated("sound.mp4")
    shop.write(OUTPUT, source=source, node={"schedule": SHUT})
    running = shop.start()
    running.wait_for("Waiting: this computer is closed; its schedule opens it on none of the next")
    assert "this computer is closed; its schedule opens it on none" in shop.explain()
    assert shop.attempts() == ()
    running.process.send_signal(signal.SIGINT)
    running.end(ends=130)
    shop.write(OUTPUT, source=source, node={"schedule": {**SHUT, **dict.fromkeys(DAYS, "on")}})
    shop.run()
    assert "closed" not in shop.explain()
