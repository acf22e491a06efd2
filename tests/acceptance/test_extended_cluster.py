"""A cluster with an extended node: a machine with sshd and a shell alone does work, over a node."""

import struct
import time
import zlib

import pytest
import sshd
from extended import processes_of, tools
from local_cluster import LocalCluster

pytestmark = pytest.mark.timeout(120)

OLD = "gate+127.0.0.1"

POVRAY = """#!/bin/sh
echo 'POV-Ray 99.1' >&2
for word; do
    case $word in
        +I*) scene=${word#+I} ;;
        +O*) out=${word#+O} ;;
        +SF*) first=${word#+SF} ;;
        +EF*) last=${word#+EF} ;;
    esac
done
[ "$first" ] || exit 0
for number in $(seq "$first" "$last"); do cat "$scene" > "$out$number.png"; done
"""
"""What stands for a renderer there: each frame is the scene, which is a picture."""


def picture():
    """Return a PNG of one pixel, grey."""
    parts = ((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"IEND", b""))
    parts = (parts[0], (b"IDAT", zlib.compress(b"\0\x80")), parts[1])
    chunks = [
        struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    sshd.needed()
    folder = tmp_path_factory.mktemp("x")
    cluster = LocalCluster(folder, names=("gate",))
    old = sshd.Sshd(folder / "old", env={"PATH": tools(folder / "bin")})
    povray = folder / "bin" / "povray"
    povray.write_text(POVRAY)
    povray.chmod(0o755)
    with old:
        cluster.old = old
        yield cluster
        cluster.close()


@pytest.fixture(scope="module")
def applied(studio):
    """Nothing but the extended node does render work: the gate leads there."""
    studio.write([gate(studio)])
    studio.said = studio.apply()
    return studio


def gate(studio, **more):
    old = studio.old
    ssh = {"port": old.port, "identityFile": str(old.key), "hostKey": old.fingerprint}
    behind = {"host": old.address, "instances": 2, "ssh": {**ssh, **more}}
    services = {"compressor": {"instances": 1}, "render": {"instances": 1, "extended": [behind]}}
    return studio.node("gate", services=services)


def test_apply_waits_for_the_extended_node_too(applied):
    assert "2 of 2 nodes are ready" in applied.said.stdout
    old = applied.nodes()[OLD]
    assert old["phase"] == "ready"
    assert {name: seats["instances"] for name, seats in old["services"].items()} == {"render": 2}


def test_batch_runs_there_and_log_and_exit_status_come_back(applied):
    # each waits until three are there: it ends only if both seats there and the gate's work at once
    meet = "touch met.$1; until [ $(ls met.* | wc -l) -ge 3 ]; do sleep 0.05; done; echo at $HOME"
    meet = meet.replace("ls met.* | wc -l", "set -- met.*; echo $#")
    jobs = [applied.shell(f"j{n}", f"set -- {n}; {meet}") for n in range(3)]
    applied.call("submit", applied.batch("meet", *jobs), "--wait", "--timeout", "60")
    assert sorted(applied.worked("meet-0001")) == ["gate", OLD, OLD]
    said = applied.call("logs", "meet-0001", "--cluster", "studio").stdout
    assert said.count(f"at {applied.old.home}") == 2


def test_frames_are_rendered_where_the_program_is_and_looked_at_and_placed_by_the_gate(applied):
    scene, out = applied.folder / "scene.pov", applied.folder / "out"
    scene.write_bytes(picture())
    frames = {"start": 1, "end": 3}
    asks = {"scene": str(scene), "frames": frames, "destination": f"{out}/shot.####.png"}
    job = {"name": "new", "processor": "povray", "requires": {"povray": ">=99"}, "with": asks}
    applied.call("submit", applied.batch("new", job), "--wait", "--timeout", "60")
    assert sorted(each.name for each in out.iterdir()) == [f"shot.000{n}.png" for n in (1, 2, 3)]
    on = dict(zip(("probe", "render"), applied.worked("new-0001"), strict=False))
    assert on == {"probe": "gate", "render": OLD}
    (found,) = [each for each in applied.nodes()[OLD]["looked_for"] if each["name"] == "povray"]
    assert (found["version"], found["path"].endswith("/bin/povray")) == ("99.1", True)
    shown = applied.call("nodes", "show", OLD, "--cluster", "studio").stdout
    assert "ffmpeg" in shown
    assert "its plugin cannot look for it there" in shown


def test_exit_status_comes_back(applied):
    home = applied.old.home
    fail = f'[ "$HOME" != "{home}" ] || exit 41; sleep 0.3; exit 42'
    jobs = [applied.shell(f"no{n}", fail) for n in range(3)]
    applied.call("submit", applied.batch("no", *jobs), "--wait", "--timeout", "60", ends=1)
    said = applied.call("status", "no-0001", "--cluster", "studio").stdout
    assert "41" in said


def test_cancel_ends_it_there_and_leaves_nothing(applied):
    hold = "touch held.$$; sleep 600"
    jobs = [applied.shell(f"h{n}", hold) for n in range(3)]
    applied.call("submit", applied.batch("hold", *jobs))
    until(lambda: len(list(applied.folder.glob("held.*"))) == 3)
    applied.call("cancel", "hold-0001", "--cluster", "studio")
    until(lambda: not processes_of(applied.old.home))
    until(lambda: not (applied.old.home / ".orchestrator-extended").exists())


def test_storage_that_it_does_not_see_is_its_condition(applied):
    wrong = "SHA256:" + "A" * 43
    applied.write([gate(applied, hostKey=wrong)])
    said = applied.apply("--timeout", "40", ends=1)
    assert "host key" in applied.nodes()[OLD]["why"]
    assert "1 of 2 nodes are ready" in said.stdout


def test_delete_leaves_nothing_on_the_gate(applied):
    applied.write([gate(applied)])
    applied.call("delete", "studio", "--timeout", "60")
    node = applied.servers["gate"].node
    assert not [each for each in node.parent.glob("node*") if list(each.iterdir())]


def until(true, limit_s=30.0):
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
