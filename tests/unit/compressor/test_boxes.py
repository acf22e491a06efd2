"""References of movies: what honest ones say, and what hostile ones may not do."""

import random
import struct
import zlib

import pytest
from reference_movie import reference

from orchestrator.api import Cause
from orchestrator_compressor.work import boxes
from orchestrator_compressor.work import reference as following
from orchestrator_compressor.work.trouble import Trouble

DAMAGED = 500


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def track(*entries, uses=(1,)):
    dref = track_dref(*entries)
    described = [box(b"avc1", bytes(6), struct.pack(">H", number), bytes(70)) for number in uses]
    stsd = box(b"stsd", struct.pack(">II", 0, len(described)), *described)
    media = box(b"minf", box(b"dinf", dref), box(b"stbl", stsd))
    return box(b"trak", box(b"tkhd", bytes(84)), box(b"mdia", box(b"mdhd", bytes(24)), media))


def track_dref(*entries):
    return box(b"dref", struct.pack(">II", 0, len(entries)), *entries)


def url(address, flags=0):
    return box(b"url ", struct.pack(">I", flags), address.encode() + b"\0")


OWN = box(b"url ", struct.pack(">I", 1))


def movie(*tracks, before=b""):
    return (
        box(b"ftyp", b"qt  ", bytes(8)) + before + box(b"moov", box(b"mvhd", bytes(100)), *tracks)
    )


@pytest.fixture
def written(tmp_path):
    def write(data, name="movie.mov"):
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return write


def places(path):
    found = boxes.read(path)
    return [boxes.candidates(each, path) for each in found.references] if found else None


def test_own_media_are_no_reference(written):
    assert places(written(movie(track(OWN), track(OWN)))) == []
    assert boxes.read(written(b"RIFF" + bytes(100))) is None
    assert boxes.read(written(b"")) is None


def test_only_entries_that_a_track_uses_count_and_each_once(written):
    one, two = url("a.mov"), url("b.mov")
    path = written(movie(track(OWN, one, uses=(1,)), track(one, two, uses=(1, 2)), track(one)))
    folder = path.rpartition("/")[0]
    assert places(path) == [[f"{folder}/a.mov"], [f"{folder}/b.mov"]]


@pytest.mark.parametrize(
    ("address", "leads"),
    [
        ("file:///m/a%20b.mov", ["/m/a b.mov", "HERE/a b.mov"]),
        ("file://localhost/m/a.mov", ["/m/a.mov", "HERE/a.mov"]),
        ("../a.mov", ["ABOVE/a.mov", "HERE/a.mov"]),
        ("http://host/a.mov", []),
        ("file:///m/a%0A%1B%5B2J%00.mov", []),
        ("file://host/a.mov", []),
        ("concat:a|b", []),
        ("file:", []),
        ("folder/", []),
    ],
)
def test_addresses_lead_to_files_or_nowhere(written, address, leads):
    path = written(movie(track(url(address))))
    here = path.rpartition("/")[0]
    names = {"HERE": here, "ABOVE": here.rpartition("/")[0]}
    wanted = [
        each.replace("HERE", names["HERE"]).replace("ABOVE", names["ABOVE"]) for each in leads
    ]
    assert places(path) == [wanted]


def alias(volume, above, below, *texts):
    said = b"".join(
        struct.pack(">HH", kind, len(text)) + text + b"\0" * (len(text) % 2) for kind, text in texts
    )
    head = bytes(10) + bytes([len(volume)]) + volume.ljust(27, b"\0") + bytes(12 + 64 + 16)
    ends = struct.pack(">hh", above, below) + bytes(16)
    return box(b"alis", bytes(4), head, ends, said, struct.pack(">HH", 0xFFFF, 0))


def test_macintosh_aliases_lead_beside_the_movie_to_their_disk_or_by_their_names(written):
    texts = (2, b"Disk:Films:media:a.mov"), (18, b"Films/media/a.mov"), (19, b"/Volumes/Disk")
    path = written(movie(track(alias(b"Disk", 2, 2, *texts))))
    above = path.rpartition("/")[0].rpartition("/")[0]
    assert places(path) == [
        [
            f"{above}/media/a.mov",
            "/Volumes/Disk/Films/media/a.mov",
            "/Films/media/a.mov",
            f"{path.rpartition('/')[0]}/a.mov",
        ]
    ]


def test_alias_of_a_relative_disk_leads_nowhere_but_beside_the_movie(written):
    path = written(movie(track(alias(b"", 0, 0, (18, b"attempts/a.mov"), (19, b"..")))))
    assert places(path) == [[f"{path.rpartition('/')[0]}/a.mov"]]


def test_index_may_be_compressed(written):
    moov = movie(track(url("/m/a.mov")))[len(box(b"ftyp", bytes(12))) :]
    packed = box(b"cmvd", struct.pack(">I", len(moov)), zlib.compress(moov))
    data = box(b"moov", box(b"cmov", box(b"dcom", b"zlib"), packed))
    assert places(written(data))[0][0] == "/m/a.mov"
    bomb = box(b"cmvd", bytes(4), zlib.compress(bytes(boxes.INDEX_BYTES_MAX + 1)))
    assert boxes.read(written(box(b"moov", box(b"cmov", bomb)))) is None


def test_index_of_ours_leads_where_it_is_told_and_nowhere_else(written):
    path = written(movie(track(OWN, uses=(1,)), track(url("a.mov"), OWN, uses=(1, 2))))
    found = boxes.read(path)
    ours = boxes.read(written(boxes.pointed(found, "/own: 1.mov", ["/m/a.mov"]), "ours.mov"))
    assert [each.kind for each in ours.references] == [b"alis", b"alis"]
    assert [boxes.candidates(each, path)[0] for each in ours.references] == [
        "/own/ 1.mov",  # which is why a path with a colon gets a link
        "/m/a.mov",
    ]
    assert ours.brand == found.brand


def test_no_reader_of_our_index_takes_what_stands_behind_its_entries_for_more(written):
    dref = box(b"dref", struct.pack(">II", 0, 2), url("a.mov"))
    data = movie(track(url("a.mov")))
    behind = alias(b"", 0, 0, (2, b"/secret"))
    short, long = box(b"dinf", track_dref(url("a.mov"))), box(b"dinf", dref, behind)
    grown = data.replace(short, long)
    for kind in (b"moov", b"trak", b"mdia", b"minf"):
        at = grown.index(kind) - 4
        size = struct.unpack_from(">I", grown, at)[0] + len(long) - len(short)
        grown = grown[:at] + struct.pack(">I", size) + grown[at + 4 :]
    ours = boxes.pointed(boxes.read(written(grown)), "/own.mov", ["/m/a.mov"])
    assert struct.unpack_from(">I", ours, ours.index(b"dref") + 8) == (1,)


@pytest.mark.parametrize("name", ["id_rsa", "shadow.txt", ".mov"])
def test_what_is_not_called_like_media_is_not_even_looked_at(written, tmp_path, name):
    (tmp_path / name).write_bytes(b"secret")
    path = written(movie(track(url(name))))
    with pytest.raises(Trouble, match=f"refers to {tmp_path}/{name}, which is not called like"):
        following.find(path, path)


@pytest.mark.parametrize("hidden", [b"dref", b"cmov"])
def test_references_where_none_belong_are_not_followed(written, hidden):
    lead = box(hidden, struct.pack(">II", 0, 1), alias(b"", 0, 0, (2, b"/secret")))
    inside = box(b"stbl", box(b"stsd", bytes(8)), lead)
    for stray in (lead, box(b"udta", lead), box(b"mdia", lead), box(b"stbl", lead), inside):
        for data in (movie(track(url("a.mov")), stray), movie(track(url("a.mov")) + stray)):
            with pytest.raises(Trouble, match="odd places") as error:
                following.find(path := written(data), path)
            assert error.value.final
    whole = track(url("a.mov"))
    whole = box(b"trak", whole[8:], box(b"mdia", box(b"minf", lead)))
    assert boxes.read(written(movie(whole))).is_odd
    numbers = box(b"stco", hidden)  # by chance
    tables = box(b"mdia", box(b"minf", box(b"stbl", numbers)))
    whole = box(b"trak", track(url("a.mov"))[8:], tables)
    assert not boxes.read(written(movie(whole))).is_odd


def test_movie_that_cannot_be_followed_is_refused_with_what_it_says(written, tmp_path):
    def refused(*words, **more):
        path = written(movie(*words, **more))
        with pytest.raises(Trouble) as error:
            following.find(path, path)
        assert (error.value.cause, error.value.final) == (Cause.SOURCE, True)
        return str(error.value).removeprefix(f"{path}: ")

    assert refused(track(url("http://host/a.mov"))) == (
        "url 'http://host/a.mov' cannot be followed; save it self-contained"
    )
    assert "resource" in refused(track(box(b"rsrc", bytes(4), b"resource")))
    assert "fragmented" in refused(track(url("a.mov")), box(b"mvex", bytes(8)))
    pointer = box(b"rmda", box(b"rdrf", bytes(4), b"url ", bytes(4), b"other.mov\0"))
    assert refused(box(b"rmra", pointer)) == ("it only points to other.mov; name the movie itself")
    many = [track(url(f"{number}.mov")) for number in range(following.FILES_MAX + 1)]
    assert "more than are followed" in refused(*many)


@pytest.mark.parametrize(
    "data",
    [
        box(b"moov", struct.pack(">I4s", 0xFFFFFFFF, b"trak")),
        box(b"moov", struct.pack(">I4s", 4, b"trak")),
        struct.pack(">I4sQ", 1, b"moov", 1 << 62),
        struct.pack(">I4sQ", 1, b"moov", 3),
        struct.pack(">I4s", 0, b"moov") + bytes(7),
        box(b"ftyp") * (boxes.BOXES_MAX + 1) + movie(track(url("a.mov"))),
        movie(*[track(OWN)] * (boxes.TRACKS_MAX + 1)),
        movie(track(url("a.mov")), box(b"free") * boxes.BOXES_MAX),
        movie(track(*[OWN] * (boxes.ENTRIES_MAX + 1))),
        movie(track(box(b"url ", b"\0"))),
        movie(track(url("a.mov"), uses=(0, 2, 65535))),
    ],
)
def test_hostile_sizes_and_counts_lead_nowhere(written, data):
    assert places(written(data)) in (None, [])


def test_no_damage_to_a_movie_breaks_the_reader(written):
    whole = movie(track(url("/m/a.mov")), track(alias(b"D", 1, 1, (2, b"D:a.mov"), (18, b"a"))))
    whole = reference(whole, "b.mov") + whole
    for seed in range(DAMAGED):
        chance = random.Random(seed)
        data = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 8, 127, 255))
        path = written(bytes(data[: chance.randint(1, len(data))]))
        if found := boxes.read(path):
            files = [(boxes.candidates(each, path) or ["/x"])[0] for each in found.references]
            boxes.pointed(found, "/own.mov", files)
