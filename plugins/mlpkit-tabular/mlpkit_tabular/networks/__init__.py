"""Networks for tables, written once for all backends."""
