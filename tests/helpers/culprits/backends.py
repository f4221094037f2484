"""Faulty backends: for each conformance test, a variant of the NumPy backend that fails it."""

from collections.abc import Callable
from typing import Any

from culprits import altered_backends as altered
from culprits import step_functions as steps
from culprits.portable_backends import by_wrong_namespace, of_other_members, portable_with
from mlpkit import testing
from mlpkit.numpy_backend import portable
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.plugin import Capability, Network, Steps


def steps_with(**faulty: Callable[[Steps], Any]) -> Any:
    """Return a NumPy backend with functions replaced; each is made from the correct ones."""

    def backend(network: Network, spec: Any, recipe: Any) -> Steps:
        correct = numpy_backend.backend(network, spec, recipe)
        return correct._replace(**{name: make(correct) for name, make in faulty.items()})

    return backend


BACKENDS: dict[str, Any] = {
    "arrays_round_trip_exactly": steps_with(start=steps.rounded),
    "first_epochs_equal_numpy": steps_with(epoch=steps.moving_without_weight),
    "each_layer_has_its_own_activation": altered.alike,
    "dropout_equals_numpy": altered.undropped,
    "dropout_depends_only_on_row_and_seed": steps_with(epoch=steps.dropping_by_place),
    "solvers_equal_numpy": altered.unsolved,
    "rows_of_weight_zero_have_no_effect": steps_with(epoch=steps.counting_zero_rows),
    "a_step_of_weight_zero_has_no_effect": steps_with(epoch=steps.moving_without_weight),
    "an_epoch_equals_gradients_and_updates": steps_with(gradient=steps.with_means),
    "gradients_of_shards_add_up": steps_with(gradient=steps.with_means),
    "a_step_without_rows_adds_zeros": steps_with(gradient=steps.needing_rows),
    "no_rows_have_no_outputs": steps_with(outputs=steps.padded_to_a_row),
    "shards_have_the_masks_of_all_rows": steps_with(put=steps.dropping_by_index),
    "ids_equal_numpy": steps_with(put=steps.dropping_by_half_an_id),
    "states_are_not_modified": steps_with(epoch=steps.in_place),
    "an_epoch_returns_predictions": steps_with(epoch=steps.mixing_rows_up),
    "any_memory_layout_is_accepted": steps_with(put=steps.writing_put),
    "outputs_of_any_number_of_rows": steps_with(outputs=steps.short_outputs),
    "sparse_rows_are_converted_in_blocks": steps_with(put=steps.making_all_dense),
    "batch_size_may_exceed_the_rows": altered.allocating_batches,
    "weights_have_the_dtype_of_the_data": steps_with(arrays=steps.wide),
    "partial_fit_with_any_number_of_rows_equals_numpy": steps_with(epoch=steps.losing_small_steps),
    "factors_scale_learning_rates_and_weight_decays": altered.without_factors,
    "the_weight_decay_of_the_solver_is_the_default": altered.undecayed,
    "factors_scale_dropout": steps_with(epoch=steps.dropping_as_usual),
    "gradients_have_a_factor_of_dropout": steps_with(gradient=steps.with_all_dropout),
    "gradients_are_clipped_by_their_norm": altered.clipping_each_array,
    "custom_losses_are_differentiated": altered.usual,
    "custom_losses_equal_numpy": altered.by_name,
    "custom_solvers_equal_numpy": altered.of_two_arrays,
    "joint_solvers_update_all_weights": altered.array_by_array,
    "solvers_may_branch": altered.one_rate,
    "custom_networks_are_trained": altered.dense_anyway,
    "functions_of_the_namespace_equal_numpy": portable_with(by_wrong_namespace),
    "functions_of_the_namespace_are_differentiated": portable_with(portable.outputs),
    "portable_networks_are_trained": portable_with(portable.outputs),
    "gradients_of_portable_networks_add_up": portable_with(portable.outputs),
    "members_are_averaged": portable_with(portable.outputs),
    "models_are_independent": portable_with(of_other_members),
    "numpy_predicts_portable_networks": portable_with(of_other_members),
    "predictions_equal_numpy": steps_with(epoch=steps.compacting),
    "results_are_not_overwritten": steps_with(outputs=steps.in_a_buffer),
    "sparse_rows_equal_dense_rows": steps_with(put=steps.last_of_duplicates),
    "shapes_larger_than_one_block": steps_with(epoch=steps.one_block),
    "concurrent_calls_are_independent": steps_with(epoch=steps.sharing),
    "invalid_results_are_errors": altered.broadcasting,
    "global_state_is_not_modified": steps_with(put=steps.seeding),
    "a_model_predicts_without_the_framework": steps_with(arrays=steps.frameworks_arrays),
    "discovery_imports_no_framework": numpy_backend.backend,  # the plugin imports keras
}


class BackendCulprit(testing.BackendTests):
    """Conformance tests for an object instead of a name."""

    __test__ = False

    def supports(self) -> tuple[Capability, ...]:
        """Return the capabilities of the culprit, or those of the NumPy backend."""
        return getattr(type(self).backend, "supports", altered.OWN)

    def steps(self, network: Any, spec: Any, recipe: Any, backend: str = "") -> Steps:
        """Return the functions of the culprit, or those of the NumPy backend."""
        made = numpy_backend.backend if backend else type(self).backend
        return made(network, spec, recipe)  # type: ignore[operator, no-any-return]
