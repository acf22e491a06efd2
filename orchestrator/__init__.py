"""Declarative orchestration of distributed media processing."""

__version__ = "0.1.0"
