"""The plugin contract: hooks, the Processor protocol, the manager; the only importer of pluggy."""
