"""Rows of Dask collections and of files, as blocks in the memory of workers."""
