"""What ends a try, but not a fit."""


class Fault(Exception):
    """Workers died or froze, or their connections failed.

    Parameters
    ----------
    reason : str
        What happened, for messages.
    frozen : list of str, default=[]
        Workers that are there, but do not answer.
    """

    def __init__(self, reason: str, frozen: list[str] | None = None) -> None:
        super().__init__(reason)
        self.reason, self.frozen = reason, frozen or []
