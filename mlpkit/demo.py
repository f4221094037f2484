"""d"""
SUMMARY="x"
def arguments(p): ...
def main(g): return 0
