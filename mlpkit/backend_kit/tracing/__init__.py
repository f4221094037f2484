"""Solvers and losses as small programs, for backends that compile them."""
