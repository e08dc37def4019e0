"""Read the arrays of a PyTorch checkpoint, without PyTorch and without running what the file asks for.

A checkpoint holds its table of tensors as a pickle, and a pickle is a program: it may name any function and
call it. Here the names that it may use are an explicit table (`_ALLOWED`) of harmless stand-ins; any other
name ends the reading with an error that says which it was. Opcodes that fetch an object without naming it are
refused before anything is loaded, and a pickle can change no object that it is given. Sizes, offsets and
strides are checked against the bytes that are there.

Two formats are read, both little-endian: the one of `torch.save` before version 1.6 (four pickles, a list of
storage keys, then every storage as an int64 count and its raw bytes), and the zip archive written since.

References:
    `_legacy_load` and `_load` in torch/serialization.py, https://github.com/pytorch/pytorch. What a pickle
    can do and how to restrict it: https://docs.python.org/3/library/pickle.html#restricting-globals.
"""

import io
import math
import pickle
import pickletools
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeGuard, cast

import numpy as np

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_ZIP_SIGNATURE = b"PK\x03\x04"

_DATA_TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}

# A malformed pickle ends in whatever its opcodes meet first.
_SIGNS_OF_DAMAGE = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OverflowError,
    TypeError,
)


def read_state_dict(path: str | Path) -> dict[str, np.ndarray[Any, Any]]:
    """Read a checkpoint that holds one flat table of tensors, as `module.state_dict()` gives it.

    Args:
        path: The checkpoint's file.

    Returns:
        The arrays by name, in the file's order and data types.

    Raises:
        ValueError: The file is no such checkpoint, is truncated, or asks for what has no place among weights.
    """
    data = Path(path).read_bytes()
    try:
        content, storages = _read_zip(data) if data.startswith(_ZIP_SIGNATURE) else _read_legacy(data)
        if not isinstance(content, dict):
            raise ValueError(f"it holds no table of tensors: its type is {type(content).__name__}.")
        table = cast(dict[object, object], content)
        return {str(name): _view(name, tensor, storages) for name, tensor in table.items()}
    except ValueError as error:
        raise ValueError(f"Cannot read '{path}' as a PyTorch checkpoint: {error}") from error


class _Sealed:
    """An object that a pickle is given and cannot change: its BUILD opcode ends here."""

    def __setstate__(self, state: object) -> NoReturn:
        raise ValueError("its pickle tries to change an object that it was given.")


@dataclass(frozen=True)
class _StorageType(_Sealed):
    data_type: str


@dataclass(frozen=True)
class _Storage(_Sealed):
    """A run of numbers that tensors look into."""

    key: str
    data_type: str
    count: int


@dataclass(frozen=True)
class _Tensor(_Sealed):
    """A view of a storage; offset and strides count numbers, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class _Function(_Sealed):
    """What a pickle may call."""

    function: Callable[..., object]

    def __call__(self, *arguments: object) -> object:
        return self.function(*arguments)


class _Table(dict[object, object]):
    """What stands in for OrderedDict."""

    def __setstate__(self, state: object) -> None:
        """Drop the attribute that PyTorch hangs on a state dict (`_metadata`)."""


def _is_sizes(value: object) -> TypeGuard[tuple[int, ...]]:
    return isinstance(value, tuple) and all(
        isinstance(size, int) and size >= 0 for size in cast(tuple[object, ...], value)
    )


def _are_names(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(name, str) for name in cast(list[object], value))


def _rebuild_tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
    """Stand in for `torch._utils._rebuild_tensor_v2`, whose further arguments are about gradients."""
    if not (isinstance(storage, _Storage) and isinstance(offset, int) and offset >= 0):
        raise ValueError("a tensor has no storage, or no offset into it.")
    if not (_is_sizes(shape) and _is_sizes(strides) and len(shape) == len(strides)):
        raise ValueError("a tensor has a shape or strides that are not sizes, or not equally many.")
    return _Tensor(storage, offset, shape, strides)


def _rebuild_parameter(tensor: object, *_: object) -> object:
    return tensor


_ALLOWED: Mapping[str, _Sealed] = {
    "collections.OrderedDict": _Function(_Table),
    "torch._utils._rebuild_tensor_v2": _Function(_rebuild_tensor),
    "torch._utils._rebuild_parameter": _Function(_rebuild_parameter),
    **{f"torch.{name}": _StorageType(data_type) for name, data_type in _DATA_TYPES.items()},
}


class _RestrictedUnpickler(pickle.Unpickler):
    """An unpickler for which the world consists of `_ALLOWED`."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module_name: str, global_name: str, /) -> _Sealed:
        name = f"{module_name}.{global_name}"
        if name not in _ALLOWED:
            raise ValueError(
                f"its pickle asks for '{name}', which has no place among weights. "
                "Nothing was run; do not trust this file."
            )
        return _ALLOWED[name]

    def persistent_load(self, pid: object) -> _Storage:
        match pid:
            case ("storage", _StorageType(data_type=data_type), str(key), str(), int(count)):
                pass
            case ("storage", _StorageType(data_type=data_type), str(key), str(), int(count), None):
                pass
            case _:
                raise ValueError("its pickle describes a storage in an unknown way.")
        storage = _Storage(key, data_type, count)
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError(f"its pickle describes the storage '{key}' in two ways.")
        return storage


def _unpickle(data: bytes, start: int = 0) -> tuple[object, dict[str, _Storage], int]:
    """Load the pickle that starts at a byte; also give the storages it names and the byte behind it."""
    stream = io.BytesIO(data)
    stream.seek(start)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if opcode.name in ("EXT1", "EXT2", "EXT4"):  # cached objects, which find_class never sees
                raise ValueError(f"its pickle asks for object {argument} of the extension registry. Nothing was run.")
            # The unpickler reserves memory for every number up to this one.
            if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and cast(int, argument) > count:
                raise ValueError(f"its pickle stores a value at number {argument} of {count}.")
        unpickler = _RestrictedUnpickler(data[start : stream.tell()])
        return unpickler.load(), unpickler.storages, stream.tell()
    except _SIGNS_OF_DAMAGE as error:
        raise ValueError(f"its pickle is malformed ({type(error).__name__}: {error}).") from error


def _read_legacy(data: bytes) -> tuple[object, dict[str, np.ndarray[Any, Any]]]:
    magic_number, _, position = _unpickle(data)
    version, _, position = _unpickle(data, position)
    if (magic_number, version) != (_MAGIC_NUMBER, _PROTOCOL_VERSION):
        raise ValueError("it does not start with the mark of one.")
    system, _, position = _unpickle(data, position)
    if not (isinstance(system, dict) and cast(dict[object, object], system).get("little_endian") is True):
        raise ValueError("it is not little-endian.")
    content, storages, position = _unpickle(data, position)
    keys, _, position = _unpickle(data, position)
    if not _are_names(keys) or set(keys) != set(storages):
        raise ValueError("its list of storages differs from those that its tensors use.")
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for key in keys:
        storage = storages[key]
        stored_count = int.from_bytes(data[position : position + 8], "little", signed=True)
        if stored_count != storage.count:
            raise ValueError(f"storage '{key}' holds {stored_count} numbers instead of {storage.count}.")
        end = position + 8 + storage.count * np.dtype(storage.data_type).itemsize
        arrays[key] = _storage_array(storage, data[position + 8 : end])
        position = end
    return content, arrays


def _read_zip(data: bytes) -> tuple[object, dict[str, np.ndarray[Any, Any]]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        tables = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(tables) != 1:
            raise ValueError("the archive has no data.pkl, or several.")
        folder = tables[0].removesuffix("data.pkl")
        byte_order = f"{folder}byteorder"
        if byte_order in archive.namelist() and _member(archive, byte_order) != b"little":
            raise ValueError("it is not little-endian.")
        content, storages, _ = _unpickle(_member(archive, tables[0]))
        return content, {
            key: _storage_array(storage, _member(archive, f"{folder}data/{key}")) for key, storage in storages.items()
        }
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"the archive is damaged ({error}).") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read a file of the archive; PyTorch stores them as they are, so that a compressed one may be a bomb."""
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"'{name}' is compressed, which PyTorch never does.")
    return archive.read(name)


def _storage_array(storage: _Storage, data: bytes) -> np.ndarray[Any, Any]:
    expected_bytes = storage.count * np.dtype(storage.data_type).itemsize
    if len(data) != expected_bytes:
        raise ValueError(f"storage '{storage.key}' has {len(data)} bytes of {expected_bytes}: the file is truncated.")
    return np.frombuffer(data, storage.data_type)


def _view(name: object, tensor: object, storages: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Cut a tensor out of its storage."""
    if not isinstance(name, str):
        raise ValueError(f"its table has a {type(name).__name__} where a name should be.")
    if not isinstance(tensor, _Tensor):
        raise ValueError(f"'{name}' is not a tensor: its type is {type(tensor).__name__}.")
    size = math.prod(tensor.shape)
    reach = sum((length - 1) * stride for length, stride in zip(tensor.shape, tensor.strides, strict=True))
    count = tensor.storage.count
    if size > count or (size and tensor.offset + reach >= count):
        raise ValueError(
            f"'{name}' (shape {tensor.shape}, strides {tensor.strides}, offset {tensor.offset}) "
            f"reaches outside its storage of {count} numbers."
        )
    memory = storages[tensor.storage.key]
    strides = [
        memory.itemsize * (stride if length > 1 else 0)
        for length, stride in zip(tensor.shape, tensor.strides, strict=True)
    ]
    return np.array(np.lib.stride_tricks.as_strided(memory[tensor.offset :], tensor.shape, strides))
