"""The built-in encoder of tables."""
