"""Whether other threads make a computation faster: on a busy machine, they wait for processors."""

import os
import time

MOST_TIME = 0.9  # of the time that a thread would take alone: others have to bring more
JUDGED_SECONDS = 0.02  # of computations, after which this is judged
PAUSES = 0.1, 2.0  # seconds without other threads if they were of no use: at first, and at most


class Usefulness:
    """Whether computations are faster with other threads, from the times of those before.

    If they are not, there is a pause. It is twice as long as the one before if the other threads
    were of no use in between either: a moment in which the machine is busy costs little, and so do
    trials on a machine that stays busy.

    Attributes
    ----------
    most_time : float
        What the time with other threads may be at most, in relation to the time without them.

    Examples
    --------
    >>> usefulness = Usefulness()
    >>> usefulness.judge(elapsed=0.1, alone=0.18)
    >>> usefulness.is_paused
    False
    >>> usefulness.judge(elapsed=0.1, alone=0.1)
    >>> usefulness.is_paused
    True
    """

    def __init__(self) -> None:
        self.most_time = MOST_TIME
        self._elapsed = self._alone = self._paused_until = 0.0
        self._next_pause = PAUSES[0]

    @property
    def is_paused(self) -> bool:
        """Whether computations have no other threads for now."""
        return time.monotonic() < self._paused_until

    def pause(self) -> None:
        """Let computations have no other threads for now."""
        self._paused_until = time.monotonic() + self._next_pause
        self._next_pause = min(2 * self._next_pause, PAUSES[1])

    def judge(self, elapsed: float, alone: float) -> None:
        """Pause if the computations of late were hardly faster than without other threads.

        Parameters
        ----------
        elapsed : float
            The seconds that a computation took.
        alone : float
            The seconds that it would have taken one thread.
        """
        self._elapsed, self._alone = self._elapsed + elapsed, self._alone + alone
        if self._elapsed < JUDGED_SECONDS:
            return
        if self._elapsed > self.most_time * self._alone:
            self.pause()
        else:
            self._next_pause = PAUSES[0]
        self._elapsed = self._alone = 0.0


def n_processors() -> int:
    """Return the number of processors that this process may use.

    Returns
    -------
    int

    Examples
    --------
    >>> n_processors() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
