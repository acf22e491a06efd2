"""A managed cluster of real machines, as near as one machine comes: namespaces, sshd, TLS, ffmpeg.

The tests of this file go on with one cluster, in order, as a day in a studio does.
"""

import shutil
import sys

import netfarm
import pytest
from media import generated
from netfarm import until
from oracle import times
from studio import Studio, done_twice, nodes_of

pytestmark = [pytest.mark.netns, pytest.mark.timeout(600)]

NAMES = ("n1", "n2", "n3", "n4")


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    netfarm.needed()
    studio = Studio(tmp_path_factory.mktemp("studio"), nodes=NAMES, more=("n5",))
    try:
        studio.apply()
        (studio.real / "in").mkdir()
        shutil.copy(generated("sound.mp4"), studio.real / "in" / "movie.mp4")
        yield studio
    finally:
        studio.close()


def transcode(studio, name, **keys):
    """Return a job file that cuts the movie into short segments."""
    job = {
        "name": "clip",
        "processor": "compressor",
        "segments": {"frames": 10, "spread": "always"},
        "with": {
            "source": str(studio.media / "in" / "movie.mp4"),
            "outputs": [
                {"setting": "h264-1080p", "destination": str(studio.media / "out" / f"{name}.mp4")}
            ],
        },
        **keys,
    }
    return studio.job(name, job)


def staying(studio):
    """Return the phase of every node that was not taken out of the cluster."""
    return {name: phase for name, phase in studio.phases().items() if phase != "removed"}


def test_every_node_is_ready_after_one_apply(studio):
    assert staying(studio) == dict.fromkeys(NAMES, "ready")


def test_applied_twice_is_unchanged(studio):
    told = studio.apply().stderr + studio.apply().stdout
    assert "unchanged" in told
    assert studio.call("plan", studio.file, "--exit-code").returncode == 0


def test_transcode_is_spread_over_all_nodes(studio):
    batch = studio.submit(transcode(studio, "spread"))
    studio.ends(batch)
    attempts = studio.attempts(batch)
    assert set(nodes_of(attempts)) == set(NAMES)
    assert done_twice(attempts) == []
    assert times(studio.out / "spread.mp4") == times(studio.real / "in" / "movie.mp4")


def test_shell_batch_is_spread_over_all_nodes(studio):
    batch = studio.submit(studio.shells("shells", 8, "sleep 1"))
    studio.ends(batch)
    assert set(nodes_of(studio.attempts(batch))) == set(NAMES)


def test_each_node_calls_the_shared_folder_as_it_does_itself(studio):
    file = studio.job(
        "paths",
        *[
            {
                "name": f"on{number}",
                "processor": "shell",
                "workingDirectory": str(studio.media / "in"),
                "with": {"command": ["sh", "-c", "pwd; sleep 1"]},
            }
            for number in range(4)
        ],
    )
    batch = studio.submit(file)
    studio.ends(batch)
    there = next(each for each in studio.attempts(batch) if each.node == "n2")
    log = studio.call("logs", there.task, "--cluster", "studio").stdout
    assert str(studio.farm.elsewhere / "in") in log


@pytest.mark.fault("F14")
def test_link_cut_for_five_seconds_costs_nothing(studio):
    batch = studio.submit(studio.shells("blink", 4, "sleep 9"))
    until(lambda: len(studio.running(batch)) == 4)
    studio.farm["n1"].cut()
    gap = studio.silent("n1", 5)
    studio.farm["n1"].heal()
    studio.ends(batch)
    assert gap >= 5
    assert len(studio.attempts(batch)) == 4
    studio.becomes("n1", "ready")


@pytest.mark.fault("F14")
def test_link_cut_for_good_has_its_segments_done_elsewhere(studio):
    batch = studio.submit(studio.shells("gone", 4, "sleep 4"))
    until(lambda: "n4" in studio.running(batch))
    studio.farm["n4"].cut()
    studio.ends(batch)
    attempts = studio.attempts(batch)
    lost = [each for each in attempts if each.node == "n4" and not each.accepted]
    assert [each.cause for each in lost] == ["lost"]
    assert "n4" not in nodes_of(attempts)
    assert done_twice(attempts) == []
    studio.farm["n4"].heal()
    studio.becomes("n4", "ready")


@pytest.mark.fault("F10")
def test_host_that_dies_costs_what_ran_there_and_is_back_by_itself(studio):
    host = studio.farm["n4"]
    batch = studio.submit(studio.shells("dead", 4, "sleep 4"))
    until(lambda: "n4" in studio.running(batch))
    host.die()
    studio.ends(batch)
    attempts = studio.attempts(batch)
    assert [each.cause for each in attempts if not each.accepted] == ["lost"]
    host.sshd.start()
    studio.becomes("n4", "ready")


@pytest.mark.fault("F35")
def test_nodes_are_added_changed_and_removed_under_a_running_batch(studio):
    jobs = [
        {
            "name": f"j{number}",
            "processor": "shell",
            "workingDirectory": str(studio.media),
            "with": {"command": ["sh", "-c", "until [ -e go ]; do sleep 0.1; done; sleep 1"]},
        }
        for number in range(14)
    ]
    batch = studio.submit(studio.job("moves", *jobs))
    until(lambda: len(studio.running(batch)) == 4)
    was = dict(studio.nodes)
    try:
        del studio.nodes["n4"]
        studio.nodes["n5"] = studio.farm["n5"].manifest
        studio.nodes["n1"] = was["n1"] | {"services": {"render": {"instances": 2}}}
        studio.write()
        with studio.begin("apply", studio.file) as applying:
            until(lambda: "n5" in studio.running(batch), 120)
            assert {"n1", "n4"} <= set(studio.running(batch)), "they drain, and are not killed"
            (studio.real / "go").touch()
            studio.ends(batch)
            told, _ = applying.communicate(timeout=120)
            assert applying.returncode == 0, told
        attempts = studio.attempts(batch)
        assert len(attempts) == 14, "running work is never killed by apply"
        assert nodes_of(attempts)["n5"] > 0
        assert set(staying(studio)) == {"n1", "n2", "n3", "n5"}
        assert not studio.farm["n4"].processes("orchestrator.agent")
        assert not studio.farm["n4"].sshd.node.exists()
    finally:
        studio.nodes = was
        studio.apply()
    assert staying(studio) == dict.fromkeys(NAMES, "ready")


@pytest.mark.fault("F03", "F09")
def test_batch_survives_the_death_of_each_process_in_turn(studio):
    outputs = [
        {"setting": setting, "destination": str(studio.media / "out" / f"hard-{setting}.{suffix}")}
        for setting, suffix in (
            ("h264-1080p", "mp4"),
            ("hevc-10bit", "mp4"),
            ("ffv1-archive", "mkv"),
        )
    ]
    source = str(studio.media / "in" / "movie.mp4")
    clip = {
        "name": "clip",
        "processor": "compressor",
        "segments": {"frames": 10, "spread": "always"},
        "with": {"source": source, "outputs": outputs},
    }
    slow = [
        {"name": f"s{number}", "processor": "shell", "with": {"command": ["sleep", "12"]}}
        for number in range(6)
    ]
    batch = studio.submit(studio.job("hard", clip, *slow))
    n1, n2, n3, n4 = studio.farm.nodes
    until(lambda: len(studio.running(batch)) >= 4)

    studio.ctl.kill("-m", "orchestrator", "controller", "run")
    studio.call("controller", "start", "studio")
    studio.ctl.kill("engine.dask.scheduler")
    n1.kill("-m", "orchestrator.agent")
    until(lambda: n2.processes("agent/runner.py"), 60)
    n2.kill("agent/runner.py")
    until(lambda: n3.processes("ffmpeg", "-i"), 60)
    n3.kill("ffmpeg", "-i")
    n4.kill("sshd")
    n4.sshd.process.wait(10)
    n4.sshd.start()

    studio.ends(batch, limit_s=240)
    attempts = studio.attempts(batch)
    assert done_twice(attempts) == []
    for each in outputs:
        made = studio.out / each["destination"].rpartition("/")[2]
        assert len(times(made)) == len(times(studio.real / "in" / "movie.mp4"))
    for name in NAMES:
        studio.becomes(name, "ready")


@pytest.mark.fault("F09")
def test_agent_that_was_killed_is_back_and_its_work_goes_on(studio):
    batch = studio.submit(studio.shells("agents", 4, "sleep 12"))
    until(lambda: len(studio.running(batch)) == 4)
    studio.farm["n3"].kill("-m", "orchestrator.agent")
    until(lambda: studio.farm["n3"].processes("-m", "orchestrator.agent"), 15)
    studio.ends(batch)
    assert len(studio.attempts(batch)) == 4, "its runner went on and was adopted"


@pytest.mark.fault("F40")
def test_switch_that_dies_has_nothing_begun_twice(studio):
    batch = studio.submit(studio.shells("switch", 4, "sleep 25"))
    until(lambda: len(studio.running(batch)) == 4)
    for name in NAMES:
        studio.farm[name].cut()
    studio.silent("n1", 14)  # longer than `lostAfter`
    for name in NAMES:
        studio.farm[name].heal()
    studio.ends(batch)
    assert len(studio.attempts(batch)) == 4
    for name in NAMES:
        studio.becomes(name, "ready")


@pytest.mark.fault("F32")
def test_node_on_which_everything_fails_is_set_aside(studio):
    address = studio.farm["n3"].address
    script = f"PATH=$PATH:/usr/sbin:/sbin; ! ip -o -4 addr | grep -q {address}/"
    batch = studio.submit(studio.shells("poor", 12, script))
    studio.ends(batch)
    failed = [each for each in studio.attempts(batch) if each.cause == "failed"]
    assert {each.node for each in failed} == {"n3"}
    assert len(failed) == 3
    studio.becomes("n3", "quarantined")
    told = studio.call("nodes", "--cluster", "studio").stdout
    assert "orchestrator resume n3" in told
    studio.call("resume", "n3", "--cluster", "studio")
    studio.becomes("n3", "ready")


def test_node_outside_its_window_takes_no_work(studio):
    was = dict(studio.nodes)
    days = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
    try:
        studio.nodes["n4"] = was["n4"] | {"schedule": dict.fromkeys(days, "off")}
        studio.apply()
        assert studio.phases()["n4"] == "closed"
        batch = studio.submit(studio.shells("office", 6, "true"))
        studio.ends(batch)
        assert "n4" not in nodes_of(studio.attempts(batch))
        week = studio.call("nodes", "--schedule", "--cluster", "studio").stdout
        assert "n4" in week
    finally:
        studio.nodes = was
        studio.apply()
    assert studio.phases()["n4"] == "ready"


def test_node_with_another_host_key_is_refused(studio):
    sshd = studio.farm["n3"].sshd
    sshd.new_host_key()
    studio.farm["n3"].kill("-m", "orchestrator.agent")
    studio.becomes("n3", "refused")
    (told,) = [each for each in studio.data("nodes", "--cluster", "studio") if each["name"] == "n3"]
    assert "host key" in told["why"]
    studio.nodes["n3"] = studio.farm["n3"].manifest
    studio.apply()
    assert studio.phases()["n3"] == "ready"


def test_node_of_another_version_takes_no_work(studio):
    (module,) = studio.farm["n2"].sshd.node.glob(
        "runtime/*/lib/python*/site-packages/orchestrator/__init__.py"
    )
    whole = module.read_text()
    try:
        module.unlink()
        module.write_text(whole.replace("__version__ = ", '__version__ = "0.0.1"  # '))
        studio.farm["n2"].kill("-m", "orchestrator.agent")
        studio.becomes("n2", "unfit")
        (told,) = [
            each for each in studio.data("nodes", "--cluster", "studio") if each["name"] == "n2"
        ]
        assert "0.0.1" in told["why"]
        batch = studio.submit(studio.shells("versions", 6, "sleep 1"))
        studio.ends(batch)
        assert "n2" not in nodes_of(studio.attempts(batch))
    finally:
        module.write_text(whole)
        studio.farm["n2"].kill("-m", "orchestrator.agent")
    studio.becomes("n2", "ready")


def test_plain_connections_get_nothing(studio):
    (told,) = studio.data("controller", "status", "studio")
    api, scheduler = told["address"], told["scheduler"].removeprefix("tls://")
    for address in (api, scheduler):
        host, _, port = address.rpartition(":")
        asked = f"import socket; s = socket.create_connection(({host!r}, {port}), 5); s.settimeout(20); "
        asked += r"s.sendall(b'GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n'); print(s.recv(9999))"
        said = studio.farm["n1"].run(sys.executable, "-c", asked, ends=None)
        assert "studio" not in said.stdout
        assert "200" not in said.stdout


def test_stranger_is_refused_by_fingerprint_and_by_password(studio):
    (told,) = studio.data("controller", "status", "studio")
    client = studio.farm["n1"]
    env = {"XDG_CONFIG_HOME": str(client.folder / "config"), "ORCHESTRATOR_PASSWORD": "guess"}
    words = studio.words("status", "--cluster", told["address"])
    other = "SHA256:" + "0" * (len(told["fingerprint"]) - 7)
    for fingerprint in (other, told["fingerprint"]):
        said = client.run(*words, "--fingerprint", fingerprint, env=env, ends=None)
        assert said.returncode == 2, said.stdout + said.stderr
        assert "Traceback" not in said.stderr


def test_delete_leaves_nothing_behind(studio):
    studio.call("delete", "studio", limit_s=300)
    for node in studio.farm.nodes[:4]:
        assert not node.processes("orchestrator")
        assert not node.sshd.node.exists()
    until(lambda: not studio.ctl.processes("controller", "run"))
