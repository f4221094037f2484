"""The memory by which threads share the steps of a call. This module imports no framework."""

# fmt: off
#: Places of words. Those that threads wait for are apart from the others, in other cache lines.
(
    TICKET, DONE,
    IS_SHARED, KIND, N_PARTS, STEP, N_ROWS, IS_FIRST, COUNT,
    BEGAN, CPU_BEGAN, CPU_WAITED, N_OWN, N_ALL, ALONE, WAS_STOPPED,
) = (
    8, 24, *range(40, 54),
)
# fmt: on
N_WORDS = 64
MOST_PARTS = 16  # of a computation
TICKETS = 1 << 10  # more than a computation has parts
STOPPED = -1  # in the place of the ticket: all computations are done
SPINS = 2000  # some microseconds, after which a thread leaves the processor to others
JUDGED_NANOSECONDS = 20_000_000  # after which it is judged whether other threads are of use
IDLE_NANOSECONDS = 1_000_000_000  # without a part, after which a thread returns
#: Kinds of computations: the passes of rows; gradients; updates; gradients with their updates.
ROWS, GRADIENTS, UPDATES, GRADIENTS_AND_UPDATES = range(4)
