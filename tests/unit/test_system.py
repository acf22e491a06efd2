"""What stands in for a call that a system lacks is tried here by its name."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator import system

HOLD = """
import sys
from orchestrator import system
file = open(sys.argv[1])
print(system.take_lock(file.fileno()), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path):
    """Return a descriptor of a file with something in it."""
    path = tmp_path / "lock"
    path.write_bytes(b"who")
    descriptor = os.open(path, os.O_RDWR)
    yield descriptor
    os.close(descriptor)


def test_a_lock_is_one_process_at_a_time_and_ends_with_it(file, tmp_path):
    words = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"True\n"
        assert system.is_locked(file)
        assert not system.take_lock(file)
        other.communicate()
    assert not system.is_locked(file)
    assert system.take_lock(file)


class Byte:
    """Locks as Windows does: it says no a few times."""

    def __init__(self, *refusals):
        self.refusals, self.at = list(refusals), []

    def __call__(self, file):
        self.at.append(os.lseek(file, 0, os.SEEK_CUR))
        if self.refusals:
            raise OSError(self.refusals.pop(0), "no")


def test_a_byte_is_locked_behind_all_that_is_in_the_file(file):
    byte = Byte()
    assert system.take_byte(file, byte)
    assert byte.at == [system.LOCKED_AT]
    assert os.read(file, 9) == b"who"


def test_a_byte_that_another_has_is_not_ours_or_waited_for(file):
    assert not system.take_byte(file, Byte(errno.EACCES))
    byte = Byte(errno.EACCES, errno.EDEADLK)
    assert system.take_byte(file, byte, wait=True)
    assert len(byte.at) == 3


def test_a_byte_that_cannot_be_locked_is_a_fault(file):
    with pytest.raises(OSError, match="no"):
        system.take_byte(file, Byte(errno.EBADF))
    assert os.lseek(file, 0, os.SEEK_CUR) == 0


@pytest.mark.parametrize("make", ["folder", "link", "pipe"])
def test_only_a_regular_file_is_opened(tmp_path, make):
    path = tmp_path / "it"
    {
        "folder": path.mkdir,
        "link": lambda: path.symlink_to("/etc/passwd"),
        "pipe": lambda: os.mkfifo(path),
    }[make]()
    with pytest.raises(OSError, match=r"regular file|symbolic link"):
        system.open_plain(str(path))


def test_room_is_what_the_system_says(tmp_path):
    free, whole = system.room(tmp_path)
    assert 0 < free < whole


def test_runners_and_nodes_need_nothing_but_the_standard_library():
    code = (
        "import sys; sys.path.append(sys.argv[1]); before = set(sys.modules)\n"
        "import orchestrator.agent.command, orchestrator.agent.piped, orchestrator.agent.process\n"
        "late = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(late - sys.stdlib_module_names - {'orchestrator'}))"
    )
    here = Path(system.__file__).parents[1]
    words = [sys.executable, "-I", "-S", "-c", code, str(here)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "\n"
