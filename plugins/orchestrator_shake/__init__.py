"""The Shake processor: scripts rendered by frames (F-SHAKE-1)."""
