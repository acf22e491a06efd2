"""The Blender processor: scenes rendered by frames."""
