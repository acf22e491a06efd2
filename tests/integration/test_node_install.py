"""The real node's part, on a machine that SSH leads to: nothing of ours is there before."""

import subprocess

import pytest
import sshd

from orchestrator.remote import wheels
from orchestrator.remote.ssh import SshRemote

NEEDED = (
    "orchestrator.agent.main, orchestrator.agent.keys, orchestrator.remote.extended, "
    "orchestrator.discovery, orchestrator_compressor.work.__main__, orchestrator_shell, "
    "av, distributed, fabric, zeroconf"
)
WITHOUT = ("fastapi", "keyring", "httpx", "rich", "ruamel")


@pytest.mark.timeout(600)
def test_node_gets_its_part_and_no_more(tmp_path):
    sshd.needed()
    runtime = wheels.fill(tmp_path / "wheels")
    with sshd.Sshd(tmp_path / "sshd") as server:
        remote = SshRemote(server.host(), None, "c1")
        remote.install(runtime, lambda _: None)
        assert remote.ask().runtime == runtime.digest
        python = server.node / "runtime" / runtime.digest / "bin" / "python"
        subprocess.run([python, "-I", "-c", f"import {NEEDED}"], check=True, cwd="/")
        for name in WITHOUT:
            done = subprocess.run([python, "-I", "-c", f"import {name}"], capture_output=True)
            assert done.returncode, name
        assert remote.request("n1").startswith(b"-----BEGIN CERTIFICATE REQUEST-----")
        remote.remove()
        assert not server.node.exists()
        remote.close()
