"""What is done to frames on a node: they are looked at, and put in their places."""
