"""The engine on Dask; the only importer of distributed."""
