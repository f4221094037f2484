"""What ``mlpkit predict``, ``report``, ``inspect`` and ``export`` do with a model."""
