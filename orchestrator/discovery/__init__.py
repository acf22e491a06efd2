"""Free nodes on the network: announce, find, claim.  Only this package imports zeroconf."""
