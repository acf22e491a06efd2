"""A processor that does what a script says: the smallest whole graph, and programs that run fast.

`Scripted` is the plugin half; run as a program, this file is the node half.  Each start of a task
is a line in the job's ``starts`` file, so a test counts what really ran, not what was claimed.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

HERE = str(Path(__file__).resolve())


def main(verb: str, folder: Path) -> int:
    """Do one step in `folder`; the answer is the exit code."""
    asked = json.loads((folder / "input.json").read_text())
    with open(asked["starts"], "a") as starts:
        starts.write(f"{asked['task']} {folder.name}\n")
    answer = STEPS[verb](folder, asked)
    part = folder / "result.part"
    part.write_text(json.dumps(answer))
    part.rename(folder / "result.json")
    return 1 if "error" in answer else 0


def probe(folder, asked):
    source = Path(asked["source"])
    if not source.is_file():
        return {"error": f"{source}: there is no such file; check the path", "cause": "source"}
    return {"frames": len(source.read_bytes())}


def encode(folder, asked):
    a, b = asked["span"]
    data = Path(asked["source"]).read_bytes()[a:b].upper()
    for number in range(a, b):
        print(f"frame={number - a + 1}", flush=True)
    (folder / "segment").write_bytes(data)
    return {"frames": b - a, "sha256": hashlib.sha256(data).hexdigest()}


def audio(folder, asked):
    (folder / "audio").write_bytes(b"~" * 8)
    return {"samples": 8}


def assemble(folder, asked):
    data = b"".join(Path(part).read_bytes() for part in asked["parts"])
    (folder / "final").write_bytes(data)
    return {"sha256": hashlib.sha256(data).hexdigest()}


def verify(folder, asked):
    data = Path(asked["final"]).read_bytes()
    wanted = Path(asked["source"]).read_bytes().upper() + b"~" * 8
    if data != wanted:
        return {"error": f"{len(wanted)} bytes wanted, {len(data)} found"}
    return {
        "report": {
            "gates": [{"gate": "bytes", "wanted": len(wanted), "found": len(data), "ok": True}]
        }
    }


def publish(folder, asked):
    destination = Path(asked["destination"])
    part = destination.with_name(f".{destination.name}.{folder.name}.part")
    part.write_bytes(Path(asked["final"]).read_bytes())
    os.replace(part, destination)
    return {"destination": str(destination), "size": destination.stat().st_size}


STEPS = {f.__name__: f for f in (probe, encode, audio, assemble, verify, publish)}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
