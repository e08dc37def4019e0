"""Write tiny PyTorch checkpoints by hand, as torch.save does, without torch."""

import collections
import io
import pickle
import zipfile

import numpy as np

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
STORAGE_NAMES = {
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "bool": "BoolStorage",
}


class Global:
    """A name that the pickle asks for."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Storage:
    """Numbers that tensors look into; count can lie about how many there are."""

    def __init__(self, key, numbers, *, count=None, storage_name=None):
        self.key = key
        self.numbers = np.ascontiguousarray(numbers).reshape(-1)
        self.count = self.numbers.size if count is None else count
        self.storage_name = storage_name or STORAGE_NAMES[self.numbers.dtype.name]


class Call:
    """A call that the pickle makes, and the state that it gives the result."""

    def __init__(self, function, arguments, state=None):
        self.function, self.arguments, self.state = function, arguments, state


def tensor(storage, shape, strides, offset=0):
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    return Call(rebuild, (storage, offset, shape, strides, False, collections.OrderedDict()))


def contiguous(key, array):
    """A tensor with a storage of its own."""
    array = np.asarray(array)
    strides = tuple(stride // array.itemsize for stride in np.ascontiguousarray(array).strides)
    return tensor(Storage(key, array), array.shape, strides[: array.ndim])


class _Pickler(pickle._Pickler):
    """The pure-Python pickler of the standard library, taught the names and storages of torch."""

    def __init__(self, file, *, is_zip):
        super().__init__(file, protocol=2)
        self.is_zip = is_zip
        self.storages = {}

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        self.storages[obj.key] = obj
        view = () if self.is_zip else (None,)
        return ("storage", Global("torch", obj.storage_name), obj.key, "cpu", obj.count, *view)

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Global):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Call):
            self.save(obj.function)
            self.save(obj.arguments)
            self.write(pickle.REDUCE)
            if obj.state is not None:
                self.save(obj.state)
                self.write(pickle.BUILD)
        else:
            super().save(obj, save_persistent_id)


def pickled(content, *, is_zip=False):
    """The pickle of a checkpoint's content, and its storages by key."""
    stream = io.BytesIO()
    pickler = _Pickler(stream, is_zip=is_zip)
    pickler.dump(content)
    return stream.getvalue(), pickler.storages


def legacy(content, *, little_endian=True):
    """A checkpoint in the format before torch 1.6."""
    table, storages = pickled(content)
    return assembled(table, storages, little_endian=little_endian)


def assembled(table, storages, *, little_endian=True):
    """A checkpoint in the format before torch 1.6, around the pickle of its content."""
    system = {"protocol_version": 1001, "little_endian": little_endian, "type_sizes": {"short": 2}}
    pickles = [pickle.dumps(part, 2) for part in (MAGIC_NUMBER, 1001, system)]
    data = b"".join([*pickles, table, pickle.dumps(list(storages), 2)])
    for storage in storages.values():
        data += np.int64(storage.numbers.size).tobytes() + storage.numbers.tobytes()
    return data


def zipped(content, *, compression=zipfile.ZIP_STORED, byte_order=b"little"):
    """A checkpoint in the format since torch 1.6."""
    table, storages = pickled(content, is_zip=True)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("model/data.pkl", table)
        archive.writestr("model/byteorder", byte_order)
        for storage in storages.values():
            archive.writestr(f"model/data/{storage.key}", storage.numbers.tobytes())
        archive.writestr("model/version", b"3\n")
    return stream.getvalue()
