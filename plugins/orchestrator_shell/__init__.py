"""The shell processor: any UNIX command as one task."""
