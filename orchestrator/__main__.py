"""`python -m orchestrator`: the command line."""

from orchestrator.cli.app import main

main()
