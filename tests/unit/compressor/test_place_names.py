"""What a package's folder may hold if it is to be replaced: nothing that a person put there."""

import pytest

from orchestrator_compressor.work.place import PIECE


@pytest.mark.parametrize(
    "name",
    [
        "master.m3u8",
        "manifest.mpd",
        "360p.m3u8",
        "720p-2-init.mp4",
        "sound-000001.m4s",
        "0-000001.m4s",
    ],
)
def test_pieces_and_playlists_are_ours(name):
    assert PIECE.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["trailer.mp4", "music.m3u8", "film-init.mp4", "a.m4s", ".master.m3u8", "360p-1.m4s"]
)
def test_films_and_lists_of_people_are_not(name):
    assert not PIECE.fullmatch(name)
