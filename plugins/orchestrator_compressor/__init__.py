"""The compressor: encodes one file in parts such that nobody can tell."""
