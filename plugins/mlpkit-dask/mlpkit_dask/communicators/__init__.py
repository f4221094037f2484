"""How the ranks of a fit communicate."""
