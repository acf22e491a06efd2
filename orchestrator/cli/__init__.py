"""One file a subcommand; app.py builds what a verb needs, once."""
