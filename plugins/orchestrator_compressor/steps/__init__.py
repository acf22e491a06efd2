"""The commands of the compressor's tasks, a file for each kind."""
