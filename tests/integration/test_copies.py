"""What jobs read, on real nodes of which one does not see it: copied, or read where it is."""

import shutil

import pytest
from media import generated
from oracle import times
from pair import pair

from orchestrator.model.work import State

pytestmark = pytest.mark.timeout(120)


def transcode(source, destination, **more):
    """Return a job that cuts a movie into short segments."""
    outputs = [{"setting": "ffv1-archive", "destination": str(destination)}]
    return {
        "name": "clip",
        "processor": "compressor",
        "segments": {"frames": 20, "spread": "always"},
        "with": {"source": str(source), "outputs": outputs},
        **more,
    }


def test_source_that_one_node_does_not_see_is_copied_and_both_work(tmp_path):
    media = tmp_path / "media"
    media.mkdir()
    movie = shutil.copy(generated("sound.mp4"), media / "movie.mp4")
    with pair(tmp_path, n1={}, n2={str(media): str(tmp_path / "elsewhere")}) as both:
        out = tmp_path / "out.mkv"
        batch = both.submit(transcode(movie, out))
        assert both.run(batch) is State.SUCCESSFUL, both.ledger.standings(batch)
        assert both.nodes_of(batch, "/copy") == {"n1"}
        assert both.nodes_of(batch, "/encode") == {"n1", "n2"}
        assert times(out) == times(movie)
        left = [f for f in (both.storage.root / "attempts").glob("*/copy-*")]
        assert left == []  # it goes with its job
