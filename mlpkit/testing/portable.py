"""Conformance tests of networks with an `xp_apply`, part of `BackendTests`."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mlpkit.numpy_backend import dense, portable
from mlpkit.numpy_backend import namespace as numpy_namespace
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.plugin import NAMESPACE, Arrays, Network, Spec, Steps, dropout
from mlpkit.testing import components
from mlpkit.testing.cases import TASKS, TOLERANCE, batches, close, data, recipe, spec
from mlpkit.testing.namespaces import EXPRESSIONS, Calls
from mlpkit.testing.recipes import RecipeTests

N_MODELS, N_MEMBERS = 3, 2
DROPOUT = 0.3
NOT_DIFFERENTIATED = {"finfo", "float32", "isfinite", "isnan"}


def hidden_layer(xp: Any, arrays: Any, x: Any, step: Any) -> Any:
    """Return the values of the hidden layer."""
    h = xp.tanh(xp.matmul(x, arrays["coef_0"]) + arrays["intercept_0"][..., None, :])
    return dropout(xp, h, step, layer=0, rate=DROPOUT)


def one_layer(xp: Any, arrays: Any, x: Any, step: Any = None) -> Any:
    """Return the outputs of the dense network with a hidden layer; a frozen array counts steps."""
    h = hidden_layer(xp, arrays, x, step)
    z = xp.matmul(h, arrays["coef_1"]) + arrays["intercept_1"][..., None, :]
    return z, {"count": arrays["count"] + 1}


def two_members(xp: Any, arrays: Any, x: Any, step: Any = None) -> Any:
    """Return the outputs of members with a common hidden layer, (..., n, N_MEMBERS, n_outputs)."""
    h = hidden_layer(xp, arrays, x, step)
    z = xp.einsum("...nd,...kde->...nke", h, arrays["coef_1"])
    return z + arrays["intercept_1"][..., None, :, :], {}


def dense_spec(loss: str = "log_loss", dtype: str = "float64") -> Spec:
    """Return the specification of the dense network that `one_layer` equals."""
    return replace(spec(loss, "tanh", dtype), hidden_layer_sizes=(6,), dropout=DROPOUT)


def portable_network(s: Spec, rng: Any) -> Network:
    """Build the network of `one_layer`, with a constant that sums would overflow with."""
    network = dense.build(replace(s, hidden_layer_sizes=(6,)), np.random.RandomState(1))
    more = {"count": np.zeros((), s.dtype), "constant": np.full(2, np.finfo(s.dtype).max)}
    return network._replace(
        arrays={**network.arrays, **more}, xp_apply=one_layer, frozen=frozenset(more)
    )


def network_with_members(s: Spec, seed: int = 1) -> Network:
    """Build the network of `two_members`."""
    rng = np.random.RandomState(seed)
    shapes = {
        "coef_0": (s.n_features, 6),
        "intercept_0": (6,),
        "coef_1": (N_MEMBERS, 6, s.n_outputs),
        "intercept_1": (N_MEMBERS, s.n_outputs),
    }
    arrays = {name: rng.standard_normal(shape).astype(s.dtype) for name, shape in shapes.items()}
    decayed = frozenset({"coef_0", "coef_1"})
    return Network(arrays, decayed=decayed, xp_apply=two_members, n_members=N_MEMBERS)


def network_of_models(s: Spec) -> Network:
    """Build several models of `two_members` as one network."""
    models = [network_with_members(s, seed) for seed in range(N_MODELS)]
    arrays = {name: np.stack([m.arrays[name] for m in models]) for name in models[0].arrays}
    return models[0]._replace(arrays=arrays, n_models=N_MODELS)


class PortableNetworkTests(RecipeTests):
    """Conformance tests of portable networks."""

    def lacks_portable_networks(self) -> bool:
        """Return whether the backend does not declare them; then check that it rejects them."""
        if "portable_networks" in self.supports():
            return False
        self.assert_unsupported("portable_networks", builder=portable_network)
        return True

    def arrays_after(self, steps: Steps, network: Network, s: Spec, plan: Any) -> Arrays:
        """Return all arrays and sums after steps over 21 rows."""
        state, sums = steps.epoch(steps.start(network.arrays), steps.put(*data(s)), plan)
        return {**self.all_arrays(steps, state), **sums._asdict()}

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_functions_of_the_namespace_equal_numpy(self, dtype: str) -> None:
        """Every function of `NAMESPACE` returns the values, shapes and dtypes of NumPy."""
        if self.lacks_portable_networks():
            return
        assert EXPRESSIONS.keys() == NAMESPACE.keys()
        expected, calls = Calls(), Calls()
        network, x = calls.network(dtype), np.zeros((2, 5), dtype)
        z, _ = expected(numpy_namespace, network.arrays, x)
        steps = self.steps(network, replace(spec(dtype=dtype), n_outputs=z.shape[1]), recipe())
        outputs = steps.outputs(steps.start(network.arrays), x)[0]
        errors = {name: e for (name, _), e in calls.results.items() if isinstance(e, Exception)}
        assert not errors, f"functions of xp raised errors: {errors}"
        differing = {
            name: (result, expected.results[name, i])
            for (name, i), result in calls.results.items()
            if result != expected.results[name, i]
        }
        assert not differing, f"other shapes or dtypes than in NumPy: {differing}"
        actual = calls.parts(outputs)
        for call, values in expected.parts(z[0]).items():
            np.testing.assert_allclose(
                actual[call], values, TOLERANCE[dtype], TOLERANCE[dtype], err_msg=call[0]
            )

    def test_functions_of_the_namespace_are_differentiated(self) -> None:
        """The gradients of a network of all functions equal finite differences in NumPy."""
        if self.lacks_portable_networks():
            return
        calls = Calls(name for name in EXPRESSIONS if name not in NOT_DIFFERENTIATED)
        network, x = calls.network("float64"), np.zeros((2, 5))
        z, _ = calls(numpy_namespace, network.arrays, x)
        s = replace(spec("squared_error"), n_outputs=z.shape[1], loss=components.HUBER)
        y = np.random.RandomState(0).standard_normal(z.shape)
        steps = self.steps(network, s, recipe(alpha=0.0))
        _, gradient = steps.gradient(steps.start(network.arrays), steps.put(x, y, None), None, 0)

        def loss(arrays: Arrays) -> float:
            z, _ = calls(numpy_namespace, arrays, x)
            return float(s.loss.rows(np, y, z).sum())

        for name in network.arrays.keys() - network.frozen:
            for i in range(network.arrays[name].size):
                values = []
                for change in (1e-6, -1e-6):
                    moved = network.arrays[name].copy()
                    moved.flat[i] += change
                    values.append(loss({**network.arrays, name: moved}))
                close((values[0] - values[1]) / 2e-6, gradient[name].flat[i], 1e-5)

    @pytest.mark.parametrize(
        ("loss", "dtype"), [*((n, "float64") for n in TASKS), ("log_loss", "float32")]
    )
    def test_portable_networks_are_trained(self, loss: str, dtype: str) -> None:
        """A network with an `xp_apply` trains like the equivalent dense network in NumPy, with its
        dropout. It replaces the frozen arrays that `xp_apply` returns; others keep their values.
        """
        if self.lacks_portable_networks():
            return
        s, plan = dense_spec(loss, dtype), batches(21, 8)
        plan = plan._replace(with_predictions=True, dropout_factors=np.array([1.0, 0.5, 0.0]))
        network = portable_network(s, None)
        plain = {n: a for n, a in network.arrays.items() if n not in network.frozen}
        reference = Network(plain, decayed=network.decayed)
        expected: dict[str, Any] = self.arrays_after(
            numpy_backend.backend(reference, s, recipe()), reference, s, plan
        )
        steps = self.steps(network, s, recipe())
        actual = self.arrays_after(steps, network, s, plan)
        if "epoch_predictions" not in self.supports():
            expected["predictions"] = None
        else:
            live = plan.order >= 0
            expected["predictions"] = np.where(live[..., None], expected["predictions"], 0)
            actual["predictions"] = np.where(live[..., None], actual["predictions"], 0)
        frozen = {name: actual.pop(name) for name in network.frozen}
        close(expected, actual, TOLERANCE[dtype])
        assert frozen["count"] == 3
        np.testing.assert_array_equal(network.arrays["constant"], frozen["constant"])

    def test_gradients_of_portable_networks_add_up(self) -> None:
        """`epoch` equals one `gradient` and one `update` per step, also for frozen arrays."""
        if self.lacks_portable_networks():
            return
        s, plan = dense_spec(), batches(21, 8)
        network = portable_network(s, None)
        steps = self.steps(network, s, recipe())
        state, rows = steps.start(network.arrays), steps.put(*data(s))
        fused, _ = steps.epoch(state, rows, plan)
        for i, order in enumerate(plan.order):
            parts = [
                steps.gradient(state, rows, p, int(plan.seeds[i])) for p in (order[:3], order[3:])
            ]
            sums = {name: parts[0][1][name] + parts[1][1][name] for name in parts[0][1]}
            weight = sum(p.weight for p, _ in parts)
            state = steps.update(state, sums, weight, float(plan.learning_rates[i]))
        close(self.all_arrays(steps, fused), self.all_arrays(steps, state), 1e-9)

    @pytest.mark.parametrize("delta", ["with delta", "without delta"])
    def test_members_are_averaged(self, delta: str) -> None:
        """The loss is the mean of the losses of the members, the gradient is that of this mean, and
        the predictions are the means of the activated outputs.
        """
        if self.lacks_portable_networks():
            return
        s = spec("binary_log_loss")
        if delta == "without delta":
            if "losses_without_delta" not in self.supports():
                return
            s = replace(s, loss=s.loss._replace(delta=None))
        network, (X, y, w) = network_with_members(s), data(s)
        network = network._replace(xp_apply=_without_dropout)
        steps = self.steps(network, s, recipe(alpha=0.0))
        state, rows = steps.start(network.arrays), steps.put(X, y, w)
        sums, gradient = steps.gradient(state, rows, None, 0)
        losses = []
        for k in range(N_MEMBERS):
            member = {name: a[k] if name.endswith("1") else a for name, a in network.arrays.items()}
            its = replace(
                s, hidden_layer_sizes=(6,), activation="tanh", loss=spec("binary_log_loss").loss
            )
            reference = numpy_backend.backend(Network(member), its, recipe(alpha=0.0))
            one, g = reference.gradient(reference.start(member), reference.put(X, y, w), None, 0)
            losses.append(one.loss)
            for name in ("coef_1", "intercept_1"):
                close(g[name] / N_MEMBERS, gradient[name][k], 1e-9)
        close(np.mean(losses), sums.loss, 1e-9)
        z = steps.outputs(state, X)
        assert z.shape == (21, N_MEMBERS, s.n_outputs)
        if "epoch_predictions" in self.supports():
            _, seen = steps.epoch(state, rows, batches(21, 21)._replace(with_predictions=True))
            p = dense.activated(z.copy(), s.loss.out_activation).mean(axis=1)
            close(p[None], seen.predictions, 1e-9)

    @pytest.mark.parametrize("dtype", TOLERANCE)
    def test_models_are_independent(self, dtype: str) -> None:
        """A network of several models equals separate networks, each on its own rows, also if some
        of them have fewer rows in a step, or none.
        """
        if self.lacks_portable_networks():
            return
        s = spec(dtype=dtype)
        network, (X, y, w) = network_of_models(s), data(s)
        order = np.array(
            [
                [[0, 1, 2, 3], [4, 5, 6, -1], [7, 8, 9, 10]],
                [[11, 3, 2, -1], [12, 5, -1, 6], [-1, -1, -1, -1]],
            ]
        )
        plan = batches(8, 4)._replace(order=order.reshape(2, -1))
        r = recipe(batch_size=4)
        steps = self.steps(network, s, r)
        state, sums = steps.epoch(steps.start(network.arrays), steps.put(X, y, w), plan)
        arrays, z = self.all_arrays(steps, state), steps.outputs(state, X)
        by_model = steps.outputs(state, np.stack([X + i for i in range(N_MODELS)]))
        assert z.shape == (21, N_MODELS * N_MEMBERS, s.n_outputs)
        totals = np.zeros((2, 2))
        for i in range(N_MODELS):
            model = network_with_members(s, i)
            one = self.steps(model, s, r)
            alone, its = one.epoch(
                one.start(model.arrays), one.put(X, y, w), plan._replace(order=order[:, i])
            )
            arrays_of_model = {name: a[i] for name, a in arrays.items()}
            close(self.all_arrays(one, alone), arrays_of_model, TOLERANCE[dtype])
            members = slice(N_MEMBERS * i, N_MEMBERS * (i + 1))
            close(one.outputs(alone, X), z[:, members], TOLERANCE[dtype])
            close(one.outputs(alone, X + i), by_model[i], TOLERANCE[dtype])
            totals += np.stack([its.loss, its.weight])
        close(totals, np.stack([sums.loss, sums.weight]), TOLERANCE[dtype])

    @pytest.mark.parametrize("n", [1, 9, 100])
    def test_numpy_predicts_portable_networks(self, n: int) -> None:
        """`outputs` equals the outputs that NumPy computes, with members and several models."""
        if self.lacks_portable_networks():
            return
        s = spec()
        X, _, _ = data(s, n)
        for network in (portable_network(s, None), network_with_members(s), network_of_models(s)):
            steps = self.steps(network, s, recipe())
            state = steps.start(network.arrays)
            close(portable.outputs(network, X), steps.outputs(state, X), 1e-9)


def _without_dropout(xp: Any, arrays: Any, x: Any, step: Any = None) -> Any:
    """Return the outputs of `two_members` without dropout."""
    return two_members(xp, arrays, x)
