"""Read the text of a compiled program, as XLA dumps it.

It says what each of its operations is made of, and whose code asked for it.
"""

import dataclasses
import math
import re
from pathlib import Path

_OPERATION = re.compile(r"^\s+(?:ROOT )?%(\S+) = (\(.*?\)|\S+) ([\w\-]+)\((.*)$")
_SHAPE = re.compile(r"(pred|[a-z]+\d+)\[([\d,]*)\]")
_ARITHMETIC = {"add", "subtract", "multiply", "divide", "maximum", "minimum", "clamp"}
_NUMBERED = re.compile(r"^(\d+) (.*)$")


@dataclasses.dataclass(frozen=True)
class Operation:
    """One line of a program.

    Attributes:
        name: What profiles call it.
        shapes: Element type and shape of the result, or of each result.
        kind: XLA's name for what it does, such as "fusion".
        rest: Operands and attributes, as text.
    """

    name: str
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    kind: str
    rest: str

    @property
    def elements(self) -> int:
        """How many numbers the results have."""
        return sum(math.prod(shape) for _type, shape in self.shapes)

    @property
    def bytes(self) -> int:
        """How many bytes the results have."""
        widths = {"pred": 8, "c64": 64, "c128": 128}
        return sum(math.prod(s) * widths.get(t, int(re.sub(r"\D", "", t) or 8)) // 8 for t, s in self.shapes)

    @property
    def operands(self) -> list[str]:
        """The names of what it reads."""
        return re.findall(r"%([\w.\-]+)", self.rest.split("), ")[0])

    @property
    def called(self) -> str | None:
        """The computation of a fusion."""
        found = re.search(r"calls=%([\w.\-]+)", self.rest)
        return found and found[1]


class Program:
    """A compiled program.

    Attributes:
        operations: Every operation by its name.
    """

    def __init__(self, text: str) -> None:
        self._tables = {name: _table(text, name) for name in ("FileNames", "FileLocations", "StackFrames")}
        self.operations: dict[str, Operation] = {}
        self._computations: dict[str, list[Operation]] = {}
        inside: list[Operation] = []
        for line in text.splitlines():
            header = re.match(r"^(?:ENTRY )?%([\w.\-]+) \(.*\{$", line)
            if header:
                inside = self._computations[header[1]] = []
            elif found := _OPERATION.match(line):
                shapes = tuple(
                    (kind, tuple(int(extent) for extent in extents.split(",") if extent))
                    for kind, extents in _SHAPE.findall(found[2])
                )
                inside.append(Operation(found[1], shapes, found[3], found[4]))
                self.operations[found[1]] = inside[-1]

    def parts(self, operation: Operation) -> list[Operation]:
        """Return what a fusion is made of, or the operation itself."""
        return self._computations.get(operation.called or "", [operation])

    def files(self, operation: Operation) -> set[str]:
        """Return the files whose code asked for an operation or a part of it."""
        # Constants of one value are made one, and keep the frame of whoever named it first.
        named = (part for part in self.parts(operation) if part.kind not in ("constant", "broadcast", "parameter"))
        asked = [re.search(r"stack_frame_id=(\d+)", part.rest) for part in (operation, *named)]
        return set().union(*(self._files_of_frame(int(found[1])) for found in asked if found))

    def flops(self, operation: Operation) -> int:
        """Return the arithmetic of an operation: that of products, and one for each sum, product or bound."""
        return sum(self._flops_of_part(part) for part in self.parts(operation))

    def bytes_moved(self, operation: Operation) -> int:
        """Return the bytes of the results and of everything read once."""
        read = (self.operations[name] for name in operation.operands if name in self.operations)
        return operation.bytes + sum(found.bytes for found in read)

    def _flops_of_part(self, part: Operation) -> int:
        if part.kind == "dot":
            left = self.operations[part.operands[0]].shapes[0][1]
            axes = re.search(r"lhs_contracting_dims=\{([\d,]*)\}", part.rest)
            assert axes
            return 2 * part.elements * math.prod(left[int(axis)] for axis in axes[1].split(","))
        if part.kind == "convolution":
            labels = re.search(r"dim_labels=\w+_(\w+)->", part.rest)
            assert labels
            kernel = self.operations[part.operands[1]].shapes[0][1]
            return 2 * part.elements * math.prod(kernel) // kernel[labels[1].index("o")]
        return part.elements if part.kind in _ARITHMETIC else 0

    def _files_of_frame(self, frame: int) -> frozenset[str]:
        files: set[str] = set()
        while frame:
            where = _numbers(self._tables["StackFrames"][frame])
            location = _numbers(self._tables["FileLocations"][where["file_location_id"]])
            files.add(self._tables["FileNames"][location["file_name_id"]].strip('"'))
            frame = where["parent_frame_id"] - 1  # printed with one more than the parent's number; 1 is none
        return frozenset(files)


def read(folder: Path, module: str) -> Program:
    """Read the program of this name that was dumped last."""
    found = sorted(folder.glob(f"*{module}*cpu_after_optimizations.txt"), key=lambda path: path.stat().st_mtime)
    return Program(found[-1].read_text())


def _table(text: str, name: str) -> dict[int, str]:
    lines = text[text.index(f"\n{name}\n") + len(name) + 2 :].split("\n\n", 1)[0].splitlines()
    return {int(found[1]): found[2] for line in lines if (found := _NUMBERED.match(line))}


def _numbers(text: str) -> dict[str, int]:
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", text)}
