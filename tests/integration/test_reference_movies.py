"""Movies whose media stand in other files: read in place, copied with them, or refused."""

import subprocess

import pytest
from media import FFMPEG, generated
from pair import pair
from reference_movie import reference
from shop import Shop

from orchestrator.manifest.write import yaml_text
from orchestrator.model.work import State

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def media(tmp_path):
    """A folder with a movie, and one that refers to it."""
    folder = tmp_path / "media"
    folder.mkdir()
    movie = folder / "whole: 1.mov"  # a colon is a stroke to a Macintosh
    words = [FFMPEG, "-v", "error", "-i", generated("sound.mp4"), "-c", "copy", movie]
    subprocess.run(list(map(str, words)), check=True)
    (folder / "reference.mov").write_bytes(
        reference(movie.read_bytes(), "whole%3A%201.mov", url=True)
    )
    return folder


def job(name, source, out):
    outputs = [{"setting": "ffv1-archive", "destination": str(out / f"{name}.mkv")}]
    asks = {"source": str(source), "outputs": outputs}
    parts = {"frames": 40, "spread": "always"}
    return {"name": name, "processor": "compressor", "segments": parts, "with": asks}


def pictures(path):
    """Return the hash of every frame, picture and sound, with its time."""
    words = [FFMPEG, "-v", "error", "-i", str(path), "-map", "0", "-f", "framemd5", "-"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.mark.pitfall(19)
def test_movies_with_references_are_done_as_if_they_were_whole_or_refused(media, tmp_path):
    shop = Shop(tmp_path / "shop")
    shop.folder.mkdir()
    movie = media / "whole: 1.mov"
    (media / "astray.mov").write_bytes(reference(movie.read_bytes(), "gone.mov"))
    sources = {"whole": movie, "reference": media / "reference.mov", "astray": media / "astray.mov"}
    jobs = [job(name, source, shop.folder) for name, source in sources.items()]
    batch = {"kind": "Batch", "metadata": {"name": "shop"}, "spec": {"jobs": jobs}}
    shop.job.write_text(yaml_text({"apiVersion": "orchestrator/v1", **batch}))
    shop.run(ends=1)
    assert pictures(shop.folder / "reference.mkv") == pictures(shop.folder / "whole.mkv")
    with shop.ledger() as ledger:
        found = {part.id: part for part in ledger.standings("shop-0001")}
        assert ledger.tasks("shop-0001/reference/ffv1-archive")[1].segment is not None
    assert found["shop-0001/reference"].state is State.SUCCESSFUL
    assert found["shop-0001/astray"].reason == (
        f"{media}/astray.mov: it refers to files that are not there: {media}/gone.mov; put them "
        "there, or save it self-contained"
    )


def test_node_that_sees_the_movie_but_not_its_media_has_both_copied(media, tmp_path):
    apart = tmp_path / "apart"
    apart.mkdir()
    shown = apart / "movie.mov"
    name = f"file://{media}/whole%3A%201.mov"
    shown.write_bytes(reference((media / "whole: 1.mov").read_bytes(), name, url=True))
    with pair(tmp_path, n1={}, n2={str(media): str(tmp_path / "elsewhere")}) as both:
        batch = both.submit(
            job("ref", shown, tmp_path), job("whole", media / "whole: 1.mov", tmp_path)
        )
        assert both.run(batch) is State.SUCCESSFUL, both.ledger.standings(batch)
        assert both.nodes_of(batch, "ref/copy") == {"n1"}
        copied = both.ledger.task(f"{batch}/ref/copy").args["paths"]
        assert copied == [str(media / "whole: 1.mov")]  # the movie itself all nodes see
        assert both.nodes_of(batch, "/encode") == {"n1", "n2"}
    assert pictures(tmp_path / "ref.mkv") == pictures(tmp_path / "whole.mkv")
