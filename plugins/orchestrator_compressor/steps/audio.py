"""All of the sound, in one piece."""

from __future__ import annotations

from orchestrator.api import Command
from orchestrator_compressor import expect, recipe
from orchestrator_compressor.steps.step import AUDIO, Step, source, work


def command(step: Step) -> Command:
    """Return the command that encodes the sound."""
    sound = step.product.sound
    assert sound  # the plan made this task for it
    name = AUDIO + sound.audio.codec.suffix
    words = recipe.audio(step.means, step.source, sound, step.here(name))
    heard = step.source.audio[0]
    asked = {
        **source(step),
        "stream": sound.stream,
        "file": name,
        "expect": expect.sound(step.product, {}),
        "codec": heard.codec,
    }
    return work(step, "audio", words, asked)
