"""The generic processor: any frame renderer with a command line (F-GEN-1)."""
