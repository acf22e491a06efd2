"""One place opens SSH connections, because the library below takes any host key (T01)."""

import re

DOOR = re.compile(r"^(import|from) (fabric|paramiko)\b", re.M)
OPENS = re.compile(r"\b(Connection|SSHClient|Transport)\(|AutoAddPolicy|WarningPolicy")


def test_only_one_place_opens_connections(root):
    folders = (root / "orchestrator", root / "plugins")
    files = [file for folder in folders for file in folder.rglob("*.py")]
    texts = {file.relative_to(root).as_posix(): file.read_text() for file in files}
    found = {name for name, text in texts.items() if DOOR.search(text) and OPENS.search(text)}
    assert found == {"orchestrator/remote/connect.py"}


def test_no_key_is_taken_by_itself(root):
    text = (root / "orchestrator" / "remote" / "connect.py").read_text()
    assert "set_missing_host_key_policy(Judge(" in text
    assert not re.search(r"AddPolicy|WarningPolicy|load_system_host_keys", text)
