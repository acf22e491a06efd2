"""What runs on a node: table, spool, runner."""
