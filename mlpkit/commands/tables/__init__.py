"""Reading and writing tables of several formats, in batches of rows. Needs pyarrow."""
