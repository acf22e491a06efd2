"""What the fleet tells people of a node whose services stopped without being asked to."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.controller.post import Post
from orchestrator.decide.restart import may_restart, recent
from orchestrator.decide.way import Step

Tell = Callable[[str, str, str, tuple[str, ...]], None]
"""Takes the kind of an event, a node, what happened, and its services; returns at once."""


def tell_nobody(kind: str, subject: str, why: str, services: tuple[str, ...]) -> None:
    """Tell nobody."""


def tell_of_stop(tell: Tell, post: Post, stops_before: int) -> None:
    """Tell that an agent was found to have ended, and what is done about it (F-NOTE-2)."""
    if len(post.ran) <= stops_before or not post.is_wanted:
        return
    again = "it is not started again"
    if may_restart(post.ran, post.restarts_max):
        again = f"it is started again ({len(recent(post.ran))} of {post.restarts_max})"
    why = f"its agent stopped after {post.ran[-1]:.0f} s; {again}"
    tell("service-stopped", post.node.name, why, _services(post))


def tell_of_step(tell: Tell, post: Post, step: Step) -> None:
    """Tell that a node is lost, or given up, when it becomes so."""
    before = post.step
    if not post.is_wanted:
        return
    if step.is_down and not before.is_down:
        tell("service-down", post.node.name, step.why, _services(post))
    elif step.is_lost and not before.is_lost:
        why = f"{step.why or 'nothing is heard of it'}; what it ran is given to others"
        tell("service-stopped", post.node.name, why, _services(post))


def _services(post: Post) -> tuple[str, ...]:
    offered = post.node.instances.items()
    return tuple(sorted(service.value for service, count in offered if count != 0))
