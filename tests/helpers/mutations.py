"""Mutations of files of estimators: of their bytes, their zip, their schema, and their arrays."""

import copy
import io
import json
import random
import struct
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

SCHEMA, WEIGHTS = "schema.json", "weights.safetensors"
KINDS = ("partitioner", "encoder", "schedule", "trainer", "solver", "random_state", "replaced")
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 7, 255, 10**6, 2**31, 2**63, 10**30, 0.5, -1.5, 1e308),
    *("", "x", "nan", "\x00", "../../etc/passwd", "os:system", "é" * 3000, "MLPRegressor"),
    *("relu", "float32", "squared_error", "multiclass", "tabm", "tabular", "dense", "softmax"),
    *([], {}, [[]], [None], ["a", "b"], {"a": 1}, [1, 2, 3], [0.5] * 5),
    {"$": "tuple", "items": []},
    {"$": "tuple", "items": [1, "a"]},
    {"$": "float", "value": "nan"},
    {"$": "float", "value": "inf"},
    {"$": "bytes", "value": "AAAA"},
    {"$": "dict", "items": [[1, 2], [None, 3]]},
    {"$": "array", "name": "weights/coef_0"},
    {"$": "array", "name": "weights/coef_0", "order": "F"},
    {"$": "array", "name": "no such array"},
    {"$": "items", "dtype": "object", "shape": [2], "items": [None, "a"]},
    {"$": "items", "dtype": "<U9", "shape": [1], "items": ["a"]},
    {"$": "items", "dtype": "<U999999999", "shape": [1], "items": ["a"]},
    {"$": "items", "dtype": "<f8", "shape": [2, 1], "items": [1.0, 2.0]},
    {"$": "items", "dtype": "<f8", "shape": [-1], "items": [1.0, 2.0]},
    {"$": "items", "dtype": "<M8[D]", "shape": [1], "items": [1]},
    {"$": "scalar", "array": {"$": "items", "dtype": "<f8", "shape": [], "items": [1.0]}},
    {"$": "builtins.eval", "name": "eval"},
    *({"$": kind} for kind in KINDS),
    {"$": "partitioner", "name": "quantile", "options": {"column": 0, "n": 10**9, "name": "q"}},
    {"$": "partitioner", "name": "function", "options": {"function": "os.system", "name": None}},
    {"$": "partitioner", "name": "cross", "options": {"partitions": [0, 1], "name": None}},
    {"$": "partitioner", "name": "acme-mlp/x", "options": {}},
    {"$": "encoder", "name": "tabular", "options": {"max_levels": -1}},
    {"$": "encoder", "name": "os", "options": {}},
    {"$": "schedule", "name": "warmup", "fraction": 2, "then": None},
    {"$": "schedule", "name": "cosine"},
    {"$": "trainer", "name": "cycles", "options": {"growth": "x"}},
    {"$": "solver", "name": "adam", "options": {"beta_1": "x"}},
)
Schema = dict[str, Any]


def deep(depth: int) -> Any:
    """A list in lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def unpacked(data: bytes) -> dict[str, bytes]:
    """The members of a file by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as members:
        return {name: members.read(name) for name in members.namelist()}


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A file with valid checksums."""
    schema = json.loads(members[SCHEMA])
    if isinstance(schema, dict):
        others = {name: data for name, data in members.items() if name != SCHEMA}
        checksums = {name: sha256(data).hexdigest() for name, data in others.items()}
        members = {SCHEMA: json.dumps({**schema, "checksums": checksums}).encode(), **others}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as target:
        for name, data in members.items():
            target.writestr(zipfile.ZipInfo(name), data, method)
        target.comment = f"mlpkit sha256 {sha256(members[SCHEMA]).hexdigest()}".encode()
    return file.getvalue()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all values in a JSON value."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    if isinstance(value, dict | list):
        for key, item in list(items)[:50]:
            yield from places(item, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """The value at a path."""
    for key in path:
        value = value[key]
    return value


def change_schema(schema: Schema, rng: random.Random) -> None:
    """Change a value of the schema."""
    entries = [name for name in schema if name not in ("format", "version", "checksums")]
    entry = rng.choice(entries)
    paths = list(places(schema[entry], (entry,)))
    path = rng.choice(paths)
    parent, key = at(schema, path[:-1]), path[-1]
    action = rng.randrange(8)
    if action == 0:
        del parent[key]
    elif action == 1:
        parent[key] = copy.deepcopy(at(schema, rng.choice(paths)))
    elif action == 2 and isinstance(parent, list):
        parent.append(copy.deepcopy(rng.choice(VALUES)))
    elif action == 2:
        name = rng.choice(("x", "$", "predict", "__class__", "_network", "é", key * 2))
        parent[name] = parent.pop(key)
    elif action == 3 and type(parent[key]) is int:
        parent[key] += rng.choice((-1, 1, 10**9, -(10**9)))
    elif action == 4:
        parent[key] = deep(rng.choice((90, 101, 400)))
    else:
        parent[key] = copy.deepcopy(rng.choice(VALUES))


def change_arrays(weights: bytes, rng: random.Random) -> bytes:
    """Change the header or the bytes of the arrays."""
    (length,) = struct.unpack("<Q", weights[:8])
    header, data = json.loads(weights[8 : 8 + length]), bytearray(weights[8 + length :])
    names = [name for name in header if name != "__metadata__"]
    action = rng.randrange(6)
    if action == 0 and data:
        for _ in range(rng.choice((1, 8, 200))):
            data[rng.randrange(len(data))] = rng.choice((0, 0x7F, 0x80, 0xFF, 0xF0))
    elif names and action == 1:
        del header[rng.choice(names)]
    elif len(names) > 1 and action == 2:
        one, two = rng.sample(names, 2)
        header[one], header[two] = header[two], header[one]
    elif names and action == 3:
        entry = header[rng.choice(names)]
        entry["shape"] = rng.choice(([], entry["shape"][::-1], [2**40, 2**40], [-1], [1.5], "x"))
    elif names and action == 4:
        entry = header[rng.choice(names)]
        sizes = {"F64": "I64", "I64": "F64", "F32": "I32", "BOOL": "U8", "U8": "I8"}
        entry["dtype"] = rng.choice((sizes.get(entry["dtype"], "F16"), "F64", "O", None, "C64"))
    elif names:
        entry = header[rng.choice(names)]
        entry["data_offsets"] = rng.choice(([0, 2**60], [-8, 0], [1, 2], [], {"a": 1}, None))
    new = json.dumps(header).encode()
    new += b" " * (-len(new) % 8)
    return struct.pack("<Q", rng.choice((len(new),) * 9 + (2**62,))) + new + bytes(data)


def change_bytes(data: bytes, rng: random.Random) -> bytes:
    """Change, remove, or insert bytes, without new checksums."""
    i, n = rng.randrange(len(data)), rng.choice((1, 2, 16, 300))
    action = rng.randrange(5)
    if action == 0:
        return data[:i]
    if action == 1:
        return data[:i] + bytes(rng.randrange(256) for _ in range(n)) + data[i + n :]
    if action == 2:
        return data[:i] + data[i + n :]
    if action == 3:
        return data[:i] + data[i : i + n] * 2 + data[i + n :]
    return data[:i] + bytes([data[i] ^ (1 << rng.randrange(8))]) + data[i + 1 :]


def change_members(data: bytes, rng: random.Random) -> bytes:
    """Change the zip: names of members, members that are added or removed, compression."""
    members = unpacked(data)
    action = rng.randrange(6)
    if action == 0:
        name = rng.choice(("../x", "/etc/x", "objects/../x", "objects/a.keras", "a", "objects/"))
        return packed({**members, name: b"x" * 100})
    if action == 1:
        return packed(members, rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)))
    if action == 2:
        return packed({SCHEMA: members[SCHEMA]})
    if action == 3:
        schema = json.loads(members[SCHEMA])
        schema[rng.choice(("format", "version"))] = rng.choice(VALUES)
        return packed({**members, SCHEMA: json.dumps(schema).encode()})
    if action == 4:  # a bomb
        schema = json.loads(members[SCHEMA])
        schema["bomb"] = [0] * 10**5
        text = json.dumps(schema).encode()
        return packed({**members, SCHEMA: text}, zipfile.ZIP_DEFLATED)
    text = rng.choice((b"[]", b"1", b'"a"', b"{}", b"[" * 10**5 + b"]" * 10**5, b"\xff\xfe"))
    members[SCHEMA] = b"{}"
    return packed(members).replace(b"{}", text)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file after one mutation, or several of the schema."""
    kind = rng.random()
    if kind < 0.15:
        return change_bytes(data, rng)
    if kind < 0.2:
        return change_members(data, rng)
    members = unpacked(data)
    if kind < 0.35:
        members[WEIGHTS] = change_arrays(members[WEIGHTS], rng)
        return packed(members)
    schema = json.loads(members[SCHEMA])
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        try:
            change_schema(schema, rng)
        except (KeyError, IndexError, TypeError):  # a path that an earlier change removed
            break
    return packed({**members, SCHEMA: json.dumps(schema).encode()})
