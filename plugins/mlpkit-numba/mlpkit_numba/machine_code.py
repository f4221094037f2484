"""Machine code from functions that Numba compiles.

Numba optimizes each function together with all functions that it calls, and so the inner ones many
times. Here they are put together as they are, and optimized once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import llvmlite.binding as llvm

ENTRY = "mlpkit_entry"  # the name of the C function in each program

TEXT = """\
define void @NRT_MemInfo_call_dtor(ptr %memory) {{  ; no array owns memory
    ret void
}}
declare i32 @{native}({types})
define {result} @{entry}({names}) {{
    %result = alloca {slot}
    store {slot} zeroinitializer, ptr %result
    call i32 @{native}({arguments})
    %value = load {slot}, ptr %result
    ret {value}
}}
"""


@contextmanager
def unoptimized() -> Iterator[None]:
    """A context in which Numba does not optimize what it compiles."""
    from numba.core import config
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.registry import cpu_target

    with global_compiler_lock:  # so that other threads compile nothing meanwhile
        cpu_target.target_context.codegen()  # which keeps the options of its first use
        before = config.OPT
        config.OPT = type(before)(0)
        try:
            yield
        finally:
            config.OPT = before


def object_file(function: Any) -> bytes:
    """Return the machine code of a `numba.cfunc`, with `ENTRY` as its only symbol.

    The C function of Numba itself reports errors to Python, which requires Numba's runtime. This
    one ignores them.
    """
    module = llvm.parse_assembly(function.inspect_llvm())
    native = function.native_name.removeprefix("cfunc.")
    signature = str(module.get_function(function.native_name).global_value_type)
    result, _, rest = signature.partition(" ")
    types = [t for t in rest.strip("()").split(", ") if t]
    names = ", ".join(f"{t} %a{i}" for i, t in enumerate(types))
    text = TEXT.format(
        native=native,
        types=", ".join(["ptr", "ptr", *types]),
        result=result,
        entry=ENTRY,
        names=names,
        slot="ptr" if result == "void" else result,
        arguments=", ".join(["ptr %result", "ptr null", *names.split(", ")]),
        value="void" if result == "void" else f"{result} %value",
    )
    module.link_in(llvm.parse_assembly(text))
    module.verify()
    for definition in [*module.functions, *module.global_variables]:
        if not definition.is_declaration and definition.name != ENTRY:
            definition.linkage = "internal"
    target = target_machine()
    _optimize(module, target)
    code: bytes = target.emit_object(module)
    return code


def _optimize(module: Any, target: Any) -> None:
    """Remove what the entry does not call, and optimize the rest."""
    options = llvm.create_pipeline_tuning_options(3)
    options.loop_vectorization = options.slp_vectorization = True
    builder = llvm.create_pass_builder(target, options)
    first = llvm.create_new_module_pass_manager()
    first.add_global_dead_code_eliminate_pass()
    first.run(module, builder)
    builder.getModulePassManager().run(module, builder)


def target_machine() -> Any:
    """Return the processor of this machine."""
    initialize()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        codemodel="jitdefault",
    )


@cache
def initialize() -> None:
    """Let LLVM know this processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
