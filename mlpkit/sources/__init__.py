"""Tables of several formats, whole or in batches of rows. Requires pyarrow."""
