"""The one error users are meant to read, and the compiler's diagnostics as its fields."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """A place in a file; `line` and `column` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Diagnostic:
    """One message of the compiler with the notes below it."""

    severity: str  #: note, warning, error or remark
    message: str
    location: Location | None = None
    notes: tuple[Diagnostic, ...] = ()


class FptqError(Exception):
    """Input that cannot be used, or a failure of the compiler.

    `str()` has everything: file, layer and key, and every diagnostic with its notes. Where the compiler said it,
    `diagnostics` has all errors in order, and `message`, `location` and `notes` are the first one's; otherwise
    `message` is the text, `location` None and `notes` empty.
    """

    def __init__(self, text: str, diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(text)
        self.diagnostics = diagnostics
        first = diagnostics[0] if diagnostics else Diagnostic("error", text)
        self.message, self.location, self.notes = first.message, first.location, first.notes


#: As lib/CAPI prints them: "file:1:2: error: text", notes indented by two.
_START = re.compile(r"(?P<note>  )?(?:(?P<file>[^\n]+?):(?P<line>\d+):(?P<column>\d+): )?"
                    r"(?P<severity>note|warning|error|remark): (?P<message>.*)")


def parse_diagnostics(text: str) -> tuple[Diagnostic, ...]:
    """The diagnostics in a text of fptqLastError; lines that start none go on with the one before."""
    found: list[tuple[bool, list]] = []  # is a note; severity, message, location
    for line in text.splitlines():
        start = _START.fullmatch(line)
        if start:
            where = Location(start["file"], int(start["line"]), int(start["column"])) if start["file"] else None
            found.append((bool(start["note"]), [start["severity"], start["message"], where]))
        elif found:
            found[-1][1][1] += "\n" + line
    result: list[Diagnostic] = []
    for is_note, (severity, message, where) in found:
        if is_note and result:
            last = result[-1]
            note = Diagnostic(severity, message, where)
            result[-1] = Diagnostic(last.severity, last.message, last.location, (*last.notes, note))
        else:
            result.append(Diagnostic(severity, message, where))
    return tuple(result)
