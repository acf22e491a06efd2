"""Prepare the demo: `python examples/demo.py FOLDER [--source FILE] [--outputs NAME …]`.

Writes ``FOLDER/job.yaml``, a job manifest for `orchestrator run`.  Without a source of yours it
makes one, and asks for four outputs; of yours it asks for one, because an archive of a long movie
fills a disk.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import make_source

ENDINGS = {
    "ffv1-archive": "mkv",
    "h264-1080p": "mp4",
    "hevc-10bit": "mp4",
    "prores-422-hq": "mov",
    "vp9": "webm",
    "aac": "m4a",
    "wav": "wav",
}
OURS = ("h264-1080p", "prores-422-hq", "ffv1-archive", "wav")
YOURS = ("h264-1080p",)

JOB = """\
# yaml-language-server: $schema={schema}
# Written by `make demo`; yours to change: orchestrator run {here}
apiVersion: orchestrator/v1
kind: Batch
metadata:
  name: demo
spec:
  jobs:
    - name: movie
      processor: compressor
      ifExists: replace             # fail | replace | number; fail is the default
      with:
        source: {source}
        outputs:
{outputs}"""

OUTPUT = """\
          - setting: {setting}
            destination: "out/{{source.stem}}-{{setting}}.{ending}"
"""


def job(folder: Path, source: Path, settings: Sequence[str]) -> str:
    """Return the job manifest; a JSON string is a YAML string, whatever the path holds."""
    schema = Path(__file__).parents[1] / "schemas" / "batch.schema.json"
    return JOB.format(
        schema=schema.resolve().as_uri(),
        here=json.dumps(str(folder / "job.yaml"), ensure_ascii=False),
        source=json.dumps(str(source), ensure_ascii=False),
        outputs="".join(OUTPUT.format(setting=s, ending=ENDINGS[s]) for s in settings),
    )


def prepare(folder: Path, source: Path | None, settings: Sequence[str]) -> None:
    """Make what the demo needs in `folder`; a source that is there already is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    if source is None:
        settings, source = settings or OURS, Path("source.mkv")
        if not (folder / source).exists():
            make_source.make(folder / source)
    else:
        settings, source = settings or YOURS, source.expanduser().absolute()
    (folder / "job.yaml").write_text(job(folder, source, settings), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and prepare the demo."""
    parser = argparse.ArgumentParser(description="Prepare the demo in a folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--source", type=Path, help="a movie; default: one is made")
    parser.add_argument("--outputs", nargs="*", default=(), choices=ENDINGS, metavar="NAME")
    asked = parser.parse_args(arguments)
    prepare(asked.folder, asked.source, asked.outputs)


if __name__ == "__main__":
    main()
