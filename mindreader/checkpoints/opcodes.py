"""Read a pickle as data: its instructions are followed with values that do nothing (`inert`), and no other.

An own reader, since none reads all these files without running them: `torch.load(weights_only=True)` refuses StyleGAN's
pickles and TorchScript archives, Python's unpicklers set aside as much memory as a file asks for, and a scanner such as
fickling says whether a file is safe but does not read it. The instructions are decoded by `pickletools`, which runs nothing.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import BinaryIO

from .inert import Global, Globals, Refused, build, plain_key, shorten

MOST = 3_000_000      # instructions of one pickle; published files have tens of thousands


def read_pickle(stream: BinaryIO, names: Globals, persistent: Callable[[object], object] | None = None) -> object:
    """What a pickle describes, as plain containers of strings, numbers, and the values of `inert`.

    Parameters
    ----------
    stream : binary file
        Read up to the pickle's end, where it is left.
    names : Globals
        What stands for each name in it; to be checked by the caller at the end of the file.
    persistent : callable, optional
        What a persistent id stands for; by default there may be none.

    Raises Refused for whatever is not on the list, for damage, and for more than `MOST` instructions.
    """
    machine = _Machine(names, persistent)
    try:
        for n, (code, argument, _) in enumerate(pickletools.genops(stream)):
            if code.name == "STOP":
                return machine.pop()
            if n >= MOST:
                raise Refused(f"more than {MOST:,} instructions")
            machine.step(code.name, argument)
    except Refused:
        raise
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, UnicodeError, MemoryError, RecursionError) as reason:
        raise Refused(f"a damaged pickle ({type(reason).__name__}: {shorten(str(reason))})") from reason
    raise Refused("a pickle without an end")


class _Machine:
    """The stack and the memo of a pickle."""

    def __init__(self, names: Globals, persistent: Callable[[object], object] | None):
        self.names, self.persistent = names, persistent
        self.stack: list = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def pop(self) -> object:
        """The last value; Refused where a mark stands before it."""
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise Refused("a damaged pickle (nothing where a value is expected)")
        return self.stack.pop()

    def since_mark(self) -> list:
        """All values after the last mark."""
        at = self.marks.pop()
        values = self.stack[at:]
        del self.stack[at:]
        return values

    def step(self, name: str, argument) -> None:
        """Follow one instruction."""
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _LITERALS:
            self.stack.append(argument)
        elif (act := getattr(self, f"do_{name.lower()}", None)) is not None:
            act(argument)
        else:
            raise Refused(f"the instruction {name}")

    # ── marks and memo ──────────────────────────────────────────────────────────────────────────────────────────────
    def do_proto(self, argument) -> None:
        pass

    do_frame = do_proto

    def do_mark(self, argument) -> None:
        self.marks.append(len(self.stack))

    def do_pop(self, argument) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.pop()

    def do_pop_mark(self, argument) -> None:
        self.since_mark()

    def do_dup(self, argument) -> None:
        value = self.pop()
        self.stack += [value, value]

    def do_get(self, argument) -> None:
        self.stack.append(self.memo[int(argument)])

    do_binget = do_long_binget = do_get

    def do_put(self, argument) -> None:
        value = self.pop()
        self.stack.append(value)
        self.memo[int(argument)] = value

    do_binput = do_long_binput = do_put

    def do_memoize(self, argument) -> None:
        self.do_put(len(self.memo))

    # ── containers ──────────────────────────────────────────────────────────────────────────────────────────────────
    def do_empty_list(self, argument) -> None:
        self.stack.append([])

    def do_empty_dict(self, argument) -> None:
        self.stack.append({})

    def do_empty_set(self, argument) -> None:
        self.stack.append(set())

    def do_tuple(self, argument) -> None:
        self.stack.append(tuple(self.since_mark()))

    def do_list(self, argument) -> None:
        self.stack.append(self.since_mark())

    def do_dict(self, argument) -> None:
        values = self.since_mark()
        self.stack.append({})
        self._set(values)

    def do_frozenset(self, argument) -> None:
        self.stack.append(frozenset(map(plain_key, self.since_mark())))

    def do_tuple1(self, argument) -> None:
        self.stack.append((self.pop(),))

    def do_tuple2(self, argument) -> None:
        b, a = self.pop(), self.pop()
        self.stack.append((a, b))

    def do_tuple3(self, argument) -> None:
        c, b, a = self.pop(), self.pop(), self.pop()
        self.stack.append((a, b, c))

    def do_append(self, argument) -> None:
        self._extend([self.pop()])

    def do_appends(self, argument) -> None:
        self._extend(self.since_mark())

    def do_setitem(self, argument) -> None:
        value, key = self.pop(), self.pop()
        self._set([key, value])

    def do_setitems(self, argument) -> None:
        self._set(self.since_mark())

    def do_additems(self, argument) -> None:
        values = self.since_mark()
        if not isinstance(self.stack[-1], set):
            raise Refused("entries added to what is no set")
        self.stack[-1].update(map(plain_key, values))

    def _extend(self, values: list) -> None:
        if type(self.stack[-1]) is not list:
            raise Refused("entries added to what is no list")
        self.stack[-1].extend(values)

    def _set(self, values: list) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(values) % 2:
            raise Refused("entries set in what is no dictionary")
        for key, value in zip(values[::2], values[1::2]):
            target[plain_key(key)] = value

    # ── names, and what is made of them ─────────────────────────────────────────────────────────────────────────────
    def do_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(self.names.find(module, name))

    def do_stack_global(self, argument) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise Refused("a global whose name is no text")
        self.stack.append(self.names.find(module, name))

    def do_inst(self, argument: str) -> None:
        raise Refused(f"an instance of {shorten(argument.replace(' ', '.'))}")

    def do_reduce(self, argument) -> None:
        arguments, function = self.pop(), self.pop()
        self.stack.append(_named(function).call(arguments))

    def do_newobj(self, argument) -> None:
        arguments, kind = self.pop(), self.pop()
        self.stack.append(_named(kind).instance(arguments))

    def do_build(self, argument) -> None:
        state, target = self.pop(), self.pop()
        self.stack.append(build(target, state, self.names))

    def do_binpersid(self, argument) -> None:
        identity = self.pop()
        if self.persistent is None:
            raise Refused("a reference to something outside of the pickle")
        self.stack.append(self.persistent(identity))


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_LITERALS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
             "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE",
             "BINUNICODE", "BINUNICODE8"}


def _named(value) -> Global:
    if not isinstance(value, Global):
        raise Refused("a call of what is no name")
    return value
