"""The command line: ``mlpkit plugins``, ``demo``, ``check`` and ``new-plugin``."""
