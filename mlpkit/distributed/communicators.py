"""The communicator of a name."""

from mlpkit.plugin import Communicator
from mlpkit.registry.lookup import resolve


def communicator_of(communicator: str | Communicator) -> Communicator:
    """Return the communicator of a name, or a communicator as it is.

    Parameters
    ----------
    communicator : str or Communicator
        A name that a plugin provides, or a communicator.

    Returns
    -------
    Communicator
        How the processes of a group find each other and communicate.

    Raises
    ------
    ValueError
        If no installed plugin has the name.
    PluginError
        If the plugin cannot be used.

    Examples
    --------
    >>> from mlpkit.distributed import communicator_of
    >>> from mlpkit.plugin import Communicator
    >>> communicator_of(Communicator(listen=print, join=print)).join
    <built-in function print>
    """
    resolved, _ = resolve("communicator", communicator)
    made: Communicator = resolved() if isinstance(communicator, str) else resolved
    return made
