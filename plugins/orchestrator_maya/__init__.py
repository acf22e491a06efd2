"""The Maya processor: scenes rendered by frames (F-MAYA-1)."""
