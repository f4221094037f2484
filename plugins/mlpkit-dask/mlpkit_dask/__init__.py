"""mlpkit on a Dask cluster. This module lists the components and imports no framework."""

mlpkit_api = (1, 1)  # the supported versions of the plugin contract
