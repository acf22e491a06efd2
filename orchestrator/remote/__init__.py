"""Other machines over SSH: connect, install, start, ask.  Only this package imports fabric."""
