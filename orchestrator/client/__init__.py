"""The typed HTTP client that the command line uses.  Only this package imports httpx."""
