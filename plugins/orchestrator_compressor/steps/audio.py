"""All of the sound, each track in one piece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import cast

from orchestrator.api import Command
from orchestrator_compressor import expect, recipe
from orchestrator_compressor.product import Sound
from orchestrator_compressor.steps.step import AUDIO, Step, Values, source, work


def command(step: Step) -> Command:
    """Return the command that encodes the sound."""
    sounds = step.product.sounds
    files = names(sounds)
    pairs = [(sound, step.here(name)) for sound, name in zip(sounds, files, strict=True)]
    words = recipe.audios(step.means, step.source, pairs)
    wanted = expect.sounds(step.product)
    tracks = [
        {"file": name, "stream": sound.stream, "expect": each, **_measures(step, sound)}
        for sound, name, each in zip(sounds, files, wanted, strict=True)
    ]
    codecs = dict.fromkeys(sound.source_codec for sound in sounds)
    return work(step, "audio", words, {**source(step), "tracks": tracks, "codec": ",".join(codecs)})


def names(sounds: Sequence[Sound]) -> list[str]:
    """Return what the files of the tracks are called."""
    return [
        f"{AUDIO}{f'-{n}' if n else ''}{sound.audio.codec.suffix}" for n, sound in enumerate(sounds)
    ]


def tracks(values: Values) -> list[Mapping[str, object]]:
    """Return what an audio task found of each track; nothing in a dry run."""
    if not values:
        return []
    return [values, *cast("Sequence[Mapping[str, object]]", values.get("more", ()))]


def _measures(step: Step, sound: Sound) -> dict[str, object]:
    """Return what the node must find out before it encodes."""
    audio = sound.audio
    if not audio.loudness and not audio.fades:
        return {}
    return {
        "measure": recipe.measure(step.means, step.source, sound),
        "rate": sound.source_rate,
        "loudness": asdict(audio.loudness) if audio.loudness else None,
        "fades": asdict(audio.fades) if audio.fades else None,
        "lossless": audio.codec.lossless,
    }
