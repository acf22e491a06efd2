"""A cluster from nothing to deleted: a real daemon, real sshds, real work, one manifest."""

import os
import shutil
import time

import pytest
import sshd
from local_cluster import LocalCluster, end, pids_of
from mailserver import PASSWORD, USER, Certificate, MailServer
from media import generated

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    sshd.needed()
    cluster = LocalCluster(tmp_path_factory.mktemp("c"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def mails(tmp_path_factory):
    certificate = Certificate(tmp_path_factory.mktemp("mail")).make()
    with MailServer(certificate, auth=True) as server:
        yield server


@pytest.fixture(scope="module")
def applied(studio, mails):
    studio.env["MAIL"] = PASSWORD
    smtp = {"port": mails.port, "user": USER, "password": {"env": "MAIL"}}
    studio.write(notify={"to": ["ops@x.y"], "serviceDownAfter": "2s", "smtp": smtp})
    studio.said = studio.apply()
    return studio


def test_apply_shows_each_nodes_way_to_readiness(applied):
    for name in applied.servers:
        lines = [line for line in applied.said.stderr.splitlines() if line.startswith(f"  {name}:")]
        ways = [line.split(":")[1].split()[0] for line in lines]
        assert (ways[0], ways[-1]) == ("waiting", "ready")
        assert "joining" in ways
    assert "2 of 2 nodes are ready" in applied.said.stdout


def test_apply_twice_says_unchanged(applied):
    assert "unchanged" in applied.apply().stdout
    assert applied.call("plan", applied.manifest, "--exit-code").stdout.endswith(
        "nothing to change\n"
    )


def test_nodes_are_shown_with_what_they_offer(applied):
    for view in applied.nodes().values():
        assert view["phase"] == "ready"
        assert view["services"]["render"]["instances"] == 2
        assert view["version"]


def test_shell_batch_runs_on_every_seat_of_both_nodes(applied):
    # each waits until four are there: it ends only if all four seats work at once
    meet = "touch met.$1; until [ $(ls met.* | wc -l) -ge 4 ]; do sleep 0.05; done"
    jobs = [applied.shell(f"j{n}", f"set -- {n}; {meet}") for n in range(4)]
    file = applied.batch("meet", *jobs, notify={"to": ["me@x.y"]})
    applied.call("submit", file, "--wait", "--timeout", "100")
    assert sorted(applied.worked("meet-0001")) == ["n1", "n1", "n2", "n2"]


def test_end_of_a_batch_and_a_stopped_service_are_told_by_mail(applied, mails):
    done = mails.mails.get(timeout=60)
    assert (done["to"], done["user"]) == (["me@x.y"], USER)
    assert "Subject: [studio] meet-0001: Successful" in done["text"]
    (agent,) = pids_of(applied.servers["n2"].node.parent)
    end(agent)
    stopped = mails.mails.get(timeout=60)
    assert stopped["to"] == ["ops@x.y"]
    assert "Subject: [studio] n2: services stopped" in stopped["text"]
    assert "servicecontroller:com.apple.qmaster.executor (render)" in stopped["text"]
    until(lambda: applied.nodes()["n2"]["phase"] == "ready")


def test_transcode_is_spread_over_both_nodes(applied):
    destination = applied.folder / "out" / "clip.mp4"
    job = {
        "name": "clip",
        "processor": "compressor",
        "segments": {"frames": 20, "spread": "always"},
        "with": {
            "source": str(generated("sound.mp4")),
            "outputs": [{"setting": "h264-1080p", "destination": str(destination)}],
        },
    }
    applied.call("submit", applied.batch("cut", job), "--wait", "--timeout", "200")
    tasks = applied.json("status", "cut-0001/clip/h264-1080p", "--cluster", "studio")["tasks"]
    assert {task["node"] for task in tasks if task["frames"]} == {"n1", "n2"}
    assert destination.stat().st_size > 0
    assert destination.stat().st_mode & 0o777 == 0o666 & ~umask()


def test_source_that_one_node_does_not_see_is_copied_or_refused(applied):
    media = applied.folder / "media"
    media.mkdir()
    movie = shutil.copy(generated("sound.mp4"), media / "movie.mp4")
    apart = applied.node("n2", paths={str(media): str(applied.folder / "elsewhere")})
    applied.write([applied.node("n1"), apart])
    applied.apply()
    outputs = [{"setting": "wav", "destination": str(applied.folder / "out" / "far.wav")}]
    job = {"name": "clip", "processor": "compressor"}
    job["with"] = {"source": str(movie), "outputs": outputs}
    applied.call("submit", applied.batch("far", job), "--wait", "--timeout", "100")
    (copied,) = [line for line in heads(applied, "far-0001") if "/copy" in line]
    assert ", n1," in copied
    outputs[0]["ifExists"] = "replace"
    applied.call("submit", applied.batch("near", job, copy="never"), "--wait", ends=1)
    said = " ".join(applied.call("explain", "near-0001", "--cluster", "studio").stdout.split())
    assert f"not every node sees what it reads: {movie} (not on n2)" in said
    applied.write()
    applied.apply()


def heads(cluster, batch):
    """Return the first line of each attempt's log."""
    said = cluster.call("logs", batch, "--cluster", cluster.name).stdout
    return [line for line in said.splitlines() if line.startswith("==> ")]


def umask():
    now = os.umask(0o022)
    os.umask(now)
    return now


def test_killed_controller_goes_on_and_nothing_runs_twice(applied):
    wait = "echo $1 >> ran; until [ -e go ]; do sleep 0.05; done; echo done >> ran"
    jobs = [applied.shell(name, f"set -- {name}; {wait}") for name in ("a", "b")]
    (applied.folder / "ran").touch()
    applied.call("submit", applied.batch("hold", *jobs))
    until(lambda: len((applied.folder / "ran").read_text().split()) == 2)
    applied.kill()
    said = applied.call("status", "hold-0001", "--cluster", "studio").stdout
    assert "Processing" in said  # what it has written is still there to be read
    (applied.folder / "go").touch()
    applied.call("controller", "start", "studio")
    end = applied.call("status", "hold-0001", "--cluster", "studio", "--every", "0.5")
    assert "Successful" in end.stdout.rpartition("Batch hold-0001")[2]
    assert sorted((applied.folder / "ran").read_text().split()) == ["a", "b", "done", "done"]


def until(true, limit_s=60.0):
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_second_controller_is_refused(applied):
    said = applied.call("controller", "run", "studio", ends=2).stderr
    assert f"process {applied.about()['pid']} (since " in said


def test_other_user_logs_in_over_tls_with_the_fingerprint(applied, tmp_path):
    (tmp_path / "password").write_text("canary-of-admin\n")
    (tmp_path / "password").chmod(0o600)
    access = {
        "userPassword": {"env": "STUDIO_USER"},
        "adminPassword": {"file": str(tmp_path / "password")},
    }
    applied.write(access=access)
    secret = {"STUDIO_USER": "canary-of-user"}
    applied.apply(env=secret)
    about = applied.about()
    there = f"{about['host']}:{about['port']}"
    elsewhere = {
        "ORCHESTRATOR_STATE": str(tmp_path / "s"),
        "XDG_CONFIG_HOME": str(tmp_path / "c"),
    }
    said = applied.call("status", "--cluster", there, env=elsewhere, ends=2)
    assert "its authority is not known" in said.stderr
    proof = ("--fingerprint", about["fingerprint"])
    wrong = {**elsewhere, "ORCHESTRATOR_PASSWORD": "guess"}
    said = applied.call("status", "--cluster", there, *proof, env=wrong, ends=2)
    assert "password: wrong" in said.stderr
    right = {**elsewhere, "ORCHESTRATOR_PASSWORD": "canary-of-user"}
    applied.call("submit", hello(applied), "--wait", "--cluster", there, *proof, env=right)
    mine = applied.json("status", "--mine", "--cluster", "studio", env=elsewhere)
    assert [each["batchid"] for each in mine] == ["hello-0001"]
    said = applied.call("pause", "n1", "--cluster", "studio", env=elsewhere, ends=2)
    assert "this takes admin" in said.stderr
    assert leaks(applied.state, tmp_path / "c", applied.storage) == []


def hello(cluster):
    return cluster.batch("hello", cluster.shell("hi", "echo hi"))


def leaks(*folders):
    """Return the files that hold a password (P13)."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if b"canary" in path.read_bytes()]


def test_node_that_cannot_be_reached_holds_up_nobody(applied):
    lost = {**applied.node("n1"), "name": "n3", "ssh": {**applied.node("n1")["ssh"], "port": 1}}
    applied.write([applied.node("n1"), applied.node("n2"), lost])
    said = applied.apply(ends=1)
    assert "2 of 3 nodes are ready" in said.stdout
    assert "n3: unreachable" in said.stderr
    assert "n1" not in said.stderr.rpartition("n3: unreachable")[2]


def test_changed_node_is_started_again_with_what_is_new(applied):
    services = {"render": {"instances": 3}}
    applied.write([applied.node("n1", services=services), applied.node("n2")])
    applied.apply()
    services = applied.nodes()["n1"]["services"]
    assert {name: seats["instances"] for name, seats in services.items()} == {"render": 3}


def test_stale_plan_is_refused(applied):
    said = applied.apply("--expect", "000000000000", ends=2)
    assert "plan again" in said.stderr


def test_delete_leaves_nothing_on_the_nodes(applied):
    said = applied.call("delete", "studio", "--timeout", "100", ends=1)
    assert "Cluster studio: ended." in said.stdout
    left = [line for line in said.stderr.splitlines() if "was not cleaned" in line]
    assert [line.split(":")[0] for line in left] == ["node 'n3'"]  # it was never reached
    for server in applied.servers.values():
        assert not server.node.exists() or list(server.node.iterdir()) == []
    said = applied.json("controller", "status", "studio", ends=1)
    assert said[0]["state"] == "stopped"
    assert "hello-0001" in applied.call("status", "--cluster", "studio").stdout
