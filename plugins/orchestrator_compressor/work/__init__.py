"""What runs on a node: `python -m orchestrator_compressor.work VERB`."""
