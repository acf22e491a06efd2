"""What carries attempts to agents and back; the only importer of distributed."""
