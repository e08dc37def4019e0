import contextlib
import copyreg
import os
import pickle
import zipfile

import checkpoint_bytes
import numpy as np
import pytest
from checkpoint_bytes import Call, Global, Storage, contiguous, legacy, tensor, zipped
from hypothesis import given
from hypothesis import strategies as st

from jaxviz.models.zoo.torch_checkpoint import read_state_dict

FORMATS = pytest.mark.parametrize("written", [legacy, zipped])
NUMBERS = np.arange(24, dtype=np.float32)


def read(data, folder):
    path = folder / "model.pth"
    path.write_bytes(data)
    return read_state_dict(path)


@FORMATS
@pytest.mark.parametrize("data_type", ["float32", "float16", "int64", "bool"])
def test_arrays_come_back_with_their_values_shapes_and_types(written, data_type, tmp_path):
    array = (NUMBERS.reshape(2, 3, 4) % 7).astype(data_type)
    arrays = read(written({"first.weight": contiguous("0", array), "count": contiguous("1", array[1, 2, 3])}), tmp_path)
    assert list(arrays) == ["first.weight", "count"]
    assert arrays["first.weight"].dtype == data_type
    np.testing.assert_array_equal(arrays["first.weight"], array)
    np.testing.assert_array_equal(arrays["count"], array[1, 2, 3])


@FORMATS
def test_tensors_may_be_strided_views_that_share_a_storage(written, tmp_path):
    storage = Storage("7", NUMBERS)
    views = {
        "transposed": tensor(storage, (4, 6), (1, 4)),
        "every_other": tensor(storage, (3, 2), (8, 2), offset=1),
        "last": tensor(storage, (), (), offset=23),
        "one_row": tensor(storage, (1, 2), (10**30, 1)),
        "empty": tensor(storage, (0, 3), (3, 1), offset=24),
    }
    arrays = read(written(views), tmp_path)
    np.testing.assert_array_equal(arrays["transposed"], NUMBERS.reshape(6, 4).T)
    np.testing.assert_array_equal(arrays["every_other"], NUMBERS.reshape(3, 8)[:, 1:4:2])
    np.testing.assert_array_equal(arrays["last"], 23)
    np.testing.assert_array_equal(arrays["one_row"], [[0, 1]])
    assert arrays["empty"].shape == (0, 3)


@FORMATS
def test_parameters_and_the_metadata_of_a_state_dict_are_understood(written, tmp_path):
    parameter = Call(Global("torch._utils", "_rebuild_parameter"), (contiguous("0", NUMBERS), True, {}))
    table = Call(Global("collections", "OrderedDict"), (), state={"_metadata": {"": {"version": 1}}})
    np.testing.assert_array_equal(read(written({"bias": parameter}), tmp_path)["bias"], NUMBERS)
    assert read(written(table), tmp_path) == {}


def attack(function, *arguments, protocol=2):
    """A pickle that calls a function when it is loaded."""

    class Attack:
        def __reduce__(self):
            return function, arguments

    return pickle.dumps(Attack(), protocol)


def attacks(marker):
    """Pickles that create the marker file when they are loaded, and the name that each one asks for."""
    command, source = f"touch '{marker}'", f"open({str(marker)!r}, 'w').close()"
    system = f"{os.system.__module__}.system"
    for protocol in range(6):
        yield attack(os.system, command, protocol=protocol), system
    yield attack(eval, source), "__builtin__.eval"
    yield attack(exec, source, protocol=4), "builtins.exec"
    yield f"(S{command!r}\ni{os.system.__module__}\nsystem\n.".encode(), system
    yield f"(c{os.system.__module__}\nsystem\nS{command!r}\no.".encode(), system
    yield (
        f"cbuiltins\ngetattr\n(cos\n__dict__\nS'get'\ntR(S'system'\ntR(S{command!r}\ntR.".encode(),
        "builtins.getattr",
    )
    yield b"ccollections\nOrderedDict\n(tR" + attack(os.system, command)[2:-1] + b"b.", system


ATTACKS = range(len(list(attacks("marker"))))


@pytest.mark.parametrize("number", ATTACKS)
def test_a_malicious_pickle_is_refused_by_name_wherever_it_stands_and_runs_nothing(number, tmp_path):
    marker = tmp_path / "marker"
    evil, name = list(attacks(marker))[number]
    table, storages = checkpoint_bytes.pickled({"weight": contiguous("0", NUMBERS)})
    good = checkpoint_bytes.assembled(table, storages)
    keys = pickle.dumps(["0"], 2)
    zip_path = tmp_path / "zipped.pth"
    with zipfile.ZipFile(zip_path, "w") as archive:
        archive.writestr("model/data.pkl", evil)
    for data in (evil, good.replace(table, evil), good.replace(keys, evil), zip_path.read_bytes()):
        with pytest.raises(ValueError, match=rf"asks for '{name}'.*Nothing was run"):
            read(data, tmp_path)
    assert not marker.exists()

    load_unsafely(evil)
    assert marker.exists(), "the attack itself is a dud"


def load_unsafely(data):
    try:
        pickle.loads(data)  # noqa: S301
    except Exception as error:  # noqa: BLE001 (some attacks leave rubble behind)
        print(error)


def test_an_attack_among_the_arguments_of_an_allowed_call_is_refused(tmp_path):
    marker = tmp_path / "marker"
    evil = Call(Global("os", "system"), (f"touch '{marker}'",))
    for arguments in [(evil, 0, (1,), (1,)), (Storage("0", NUMBERS), 0, (1,), (1,), False, evil)]:
        with pytest.raises(ValueError, match=r"asks for 'os\.system'"):
            read(legacy({"weight": Call(Global("torch._utils", "_rebuild_tensor_v2"), arguments)}), tmp_path)
    assert not marker.exists()


@pytest.mark.parametrize("size", [1, 2, 4])
def test_an_object_of_the_extension_registry_is_refused_even_when_it_is_cached(size, tmp_path):
    marker = tmp_path / "marker"
    fetch = {1: pickle.EXT1, 2: pickle.EXT2, 4: pickle.EXT4}[size] + (200).to_bytes(size, "little")
    copyreg.add_extension(os.system.__module__, "system", 200)
    try:
        assert pickle.loads(fetch + b".") is os.system  # noqa: S301 (fills the cache, which find_class never sees)
        evil = fetch + f"(S'touch {marker}'\ntR.".encode()
        with pytest.raises(ValueError, match=r"asks for object 200 of the extension registry\. Nothing was run"):
            read(evil, tmp_path)
        assert not marker.exists()
        pickle.loads(evil)  # noqa: S301
        assert marker.exists()
    finally:
        copyreg.remove_extension(os.system.__module__, "system", 200)


@pytest.mark.parametrize(
    "name", ["torch._utils\n_rebuild_tensor_v2", "torch._utils\n_rebuild_parameter", "torch\nFloatStorage"]
)
@pytest.mark.parametrize("state", [{"function": 1}, (None, {"function": 1})])
def test_a_pickle_cannot_change_what_it_is_given(name, state, tmp_path):
    evil = b"c" + name.encode() + b"\n" + pickle.dumps(state, 2)[2:-1] + pickle.BUILD + pickle.STOP
    with pytest.raises(ValueError, match="tries to change"):
        read(evil, tmp_path)
    assert read(legacy({"weight": contiguous("0", NUMBERS)}), tmp_path)["weight"].shape == (24,)


def test_a_dotted_name_reaches_no_attribute_of_an_allowed_one(tmp_path):
    evil = b"\x80\x04\x8c\x0ctorch._utils\x8c\x1e_rebuild_tensor_v2.__globals__\x93."
    with pytest.raises(ValueError, match=r"_rebuild_tensor_v2\.__globals__"):
        read(evil, tmp_path)


def test_a_few_bytes_cannot_reserve_gigabytes_of_memory_or_fill_them_with_an_error_message(tmp_path):
    with pytest.raises(ValueError, match="stores a value at number 4294967295"):
        read(b"Nr\xff\xff\xff\xff.", tmp_path)
    doubled = pickle.NONE + 64 * (pickle.DUP + pickle.TUPLE2)
    with pytest.raises(ValueError, match="describes a storage in an unknown way"):
        read(doubled + pickle.BINPERSID + pickle.STOP, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((5, 5), (5, 1)), "reaches outside its storage of 24 numbers"),
        (((2, 3), (22, 1)), "reaches outside"),
        (((4, 6), (6, 1), 1), "reaches outside"),
        (((100, 100), (0, 0)), "reaches outside"),
        (((2, 3), (-3, 1)), "a shape or strides"),
        (((2, 3), (3,)), "a shape or strides"),
        (((2.0,), (1,)), "a shape or strides"),
        (((2,), (1,), -1), "no offset"),
    ],
)
@FORMATS
def test_a_tensor_that_does_not_fit_its_storage_is_an_error(arguments, message, written, tmp_path):
    with pytest.raises(ValueError, match=message):
        read(written({"weight": tensor(Storage("0", NUMBERS), *arguments)}), tmp_path)


def test_a_storage_of_another_size_than_declared_is_an_error(tmp_path):
    storage = Storage("0", NUMBERS, count=10**12)
    content = {"weight": tensor(storage, (24,), (1,))}
    with pytest.raises(ValueError, match="storage '0' holds 24 numbers instead of 1000000000000"):
        read(legacy(content), tmp_path)
    with pytest.raises(ValueError, match="storage '0' has 96 bytes of 4000000000000"):
        read(zipped(content), tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds no table of tensors: its type is list"),
        ({"epoch": 3}, "'epoch' is not a tensor: its type is int"),
        ({3: contiguous("0", NUMBERS)}, "a int where a name should be"),
        (
            {"weight": tensor(Storage("0", NUMBERS, storage_name="QInt8Storage"), (1,), (1,))},
            "'torch.QInt8Storage'",
        ),
        ({"weight": tensor(None, (1,), (1,))}, "no storage"),
    ],
)
def test_what_is_no_table_of_tensors_is_an_error(content, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read(legacy(content), tmp_path)


def test_a_file_of_another_kind_or_byte_order_is_an_error(tmp_path):
    content = {"weight": contiguous("0", NUMBERS)}
    for data in (b"", b"\x89PNG\r\n", pickle.dumps(1, 2) * 2, b"PK\x03\x04 and no archive"):
        with pytest.raises(ValueError, match=r"Cannot read '.*model.pth' as a PyTorch checkpoint"):
            read(data, tmp_path)
    keys = pickle.dumps(["0"], 2)
    for wrong_keys in ([["0"]], ["1"], [], "0"):
        with pytest.raises(ValueError, match="list of storages differs"):
            read(legacy(content).replace(keys, pickle.dumps(wrong_keys, 2)), tmp_path)
    with pytest.raises(ValueError, match="not little-endian"):
        read(legacy(content, little_endian=False), tmp_path)
    with pytest.raises(ValueError, match="not little-endian"):
        read(zipped(content, byte_order=b"big"), tmp_path)
    with pytest.raises(ValueError, match="is compressed"):
        read(zipped(content, compression=zipfile.ZIP_DEFLATED), tmp_path)


@FORMATS
def test_a_file_cut_short_anywhere_is_an_error(written, tmp_path):
    data = written({"weight": contiguous("0", NUMBERS), "bias": contiguous("1", NUMBERS[:3])})
    for length in range(0, len(data), 7):
        with pytest.raises(ValueError, match="Cannot read"):
            read(data[:length], tmp_path)


@given(st.data())
def test_damaged_bytes_give_arrays_or_a_value_error_and_nothing_else(tmp_path_factory, data):
    written = data.draw(st.sampled_from([legacy, zipped]))
    damaged = bytearray(written({"weight": contiguous("0", NUMBERS), "bias": contiguous("1", NUMBERS[:3])}))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "model.pth"
    path.write_bytes(damaged)
    with contextlib.suppress(ValueError):
        assert all(isinstance(array, np.ndarray) for array in read_state_dict(path).values())
