"""The NumPy backend: the default, and the reference that other backends are compared with."""
