"""Numbers of the activation functions in compiled code."""

IDENTITY, LOGISTIC, TANH, RELU, GELU, SILU, SELU, MISH, LEAKY_RELU, EXP, SOFTMAX = range(11)
CODES = {
    "identity": IDENTITY,
    "logistic": LOGISTIC,
    "tanh": TANH,
    "relu": RELU,
    "gelu": GELU,
    "silu": SILU,
    "selu": SELU,
    "mish": MISH,
    "leaky_relu": LEAKY_RELU,
    "exp": EXP,
    "softmax": SOFTMAX,
}
WITH_SLOPES = {"gelu", "silu", "mish"}  # whose derivative is not a function of the value
