"""Is this text an expression a phone can read? XPath 1.0 with ODK's functions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from forms import form_problems as fp
from forms.problems import Problem, Where

# XPath 1.0, then https://getodk.github.io/xforms-spec/#xpath-functions, then what Collect adds.
# fmt: off
FUNCTIONS = frozenset(
    {
        "boolean", "ceiling", "concat", "contains", "count", "current", "false", "floor", "id",
        "instance", "key", "lang", "last", "local-name", "name", "namespace-uri",
        "normalize-space", "not", "number", "position", "round", "starts-with", "string",
        "string-length", "substring", "substring-after", "substring-before", "sum", "translate",
        "true", "abs", "acos", "area", "asin", "atan", "atan2", "base64-decode",
        "boolean-from-string", "checklist", "coalesce", "cos", "count-non-empty", "count-selected",
        "date", "date-time", "decimal-date-time", "decimal-time", "depend", "digest", "distance",
        "ends-with", "exp", "exp10", "extract-signed", "format-date", "format-date-time",
        "geofence", "if", "indexed-repeat", "int", "intersects", "is-selected", "join",
        "jr:choice-name", "jr:itext", "lg10", "log", "log10", "max", "min", "now", "once", "pi",
        "pow", "property", "pulldata", "random", "randomize", "regex", "selected",
        "selected-at", "sin", "sqrt", "substr", "tan", "thousands-sep", "today",
        "upper-case", "lower-case", "uuid", "version", "weighted-checklist", "search", "node",
        "text", "comment", "processing-instruction",
    }
)
# fmt: on

REFERENCE = re.compile(r"\$\{\s*(?:last-saved#)?([^{}\s]*)\s*\}")
_SMART_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")  # pyxform mends these itself
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_CALL = re.compile(r"(?<![\w.:/-])([A-Za-z_][\w.-]*(?::[\w.-]+)?)\s*\(")
_OPERATORS = {
    "==": ("dùng “=” thay cho “==”", "write “=” instead of “==”"),
    "&&": ("dùng “and” thay cho “&&”", "write “and” instead of “&&”"),
    "||": ("dùng “or” thay cho “||”", "write “or” instead of “||”"),
    "<>": ("dùng “!=” thay cho “<>”", "write “!=” instead of “<>”"),
}


def expression_problems(text: str, column: str, where: Where) -> Iterator[Problem]:
    """Problems of one expression, as XLSForm (${name}) or XPath spells it; none when fine."""
    bare = REFERENCE.sub(" /data/x ", text.translate(_SMART_QUOTES))
    try:
        etree.XPath(_without_prefixes(bare))
    except (etree.XPathError, ValueError):
        why_vi, why_en = _why(bare)
        yield fp.BAD_EXPRESSION(where, column=column, why_vi=why_vi, why_en=why_en)
        return
    for name in _CALL.findall(_STRING.sub("''", bare)):
        if name not in FUNCTIONS and name not in ("and", "or", "div", "mod"):
            yield fp.UNKNOWN_FUNCTION(where, name=name, **fp.did_you_mean(name, FUNCTIONS))


def _without_prefixes(text: str) -> str:
    """libxml2 would ask for the namespace of jr: and orx:; only the grammar matters here."""
    return re.sub(r"\b(?:jr|orx|odk|h):(?=[A-Za-z])", "", text)


def _why(text: str) -> tuple[str, str]:
    """The likeliest slip, in words."""
    code = _STRING.sub("''", text)
    if "'" in code.replace("''", "") or '"' in code:
        return "thiếu dấu nháy đóng", "a quotation mark is not closed"
    opened, closed = code.count("("), code.count(")")
    if opened > closed:
        return "thiếu dấu “)”", "a “)” is missing"
    if closed > opened:
        return "thừa dấu “)”", "there is one “)” too many"
    for operator, why in _OPERATORS.items():
        if operator in code:
            return why
    if "$" in code:
        return "tham chiếu viết sai, cần ${tên_câu_hỏi}", "a reference is malformed, write ${name}"
    return "không đúng cú pháp XPath", "it is not valid XPath"
