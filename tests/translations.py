"""Collects what people read, keeps the catalogues in locale/ in step, and compiles them. Run by script/translations.

Two catalogues (decision 15): `django` holds what templates mark, with Django's own lookup; `sayings` holds the sentences,
words and patterns that rooms write in English and that pages say in the reader's language.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib
import yaml

CHECKOUT = Path(__file__).resolve().parent.parent
LOCALE = CHECKOUT / "locale"
LANGUAGES = ("de",)
SLOT = re.compile(r"\{(\w+)(?::\w+)?\}")

# Rooms whose sentences reach pages, and within them the files whose words never do: programs', operators' and paper's.
SPOKEN = ("accounts", "assessments", "attacks", "decisions", "governance", "reports")
UNSPOKEN = re.compile(
    r"/(migrations|management|api|pdf|testing)(/|\.py)|/api\w*\.py|reports/(console|assess|requests|document)\.py|/__main__\.py|/apps\.py"
    r"|attacks/(statistics/|metrics/|schema|registry|settings)|accounts/(verify_audit|language)\.py"
    r"|governance/(checks|stores|guesses|measured|schema|frameworks/__init__)\.py|verify/__main__"
    r"|decisions/(gate|webhook_signature)\.py"
)
# Words of programs that look like a person's: a header, a library, classes of Unicode, what a child process answers.
NAMES = frozenset({"Cc", "Cf", "Zl", "Zp", "Django", "None", "Referer", "User", "walled in"})


def unspoken(path: Path) -> bool:
    return bool(UNSPOKEN.search(f"/{path.relative_to(CHECKOUT)}".removeprefix("/"))) or path.name == "sayings.py"


# --- templates -------------------------------------------------------------------------------------------------------------------


def template_messages() -> dict[tuple[str, str | None], str]:
    """(message, its plural) → where it stands, of every template."""
    from django.template import Template, engines
    from django.templatetags.i18n import BlockTranslateNode, TranslateNode

    found: dict[tuple[str, str | None], str] = {}
    for path in sorted((CHECKOUT / "templates").rglob("*.*")):
        where = str(path.relative_to(CHECKOUT))
        template = Template(path.read_text(encoding="utf-8"), engine=engines["django"].engine)  # type: ignore[attr-defined]
        for node in template.nodelist.get_nodes_by_type(TranslateNode):
            if isinstance(node.filter_expression.var.literal, str):
                found.setdefault((node.filter_expression.var.literal, None), where)
        for node in template.nodelist.get_nodes_by_type(BlockTranslateNode):
            one, _ = node.render_token_list(node.singular)
            many = node.render_token_list(node.plural)[0] if node.plural else None
            found.setdefault((_trimmed(one), _trimmed(many) if many else None) if node.trimmed else (one, many), where)
        for text in re.findall(r'\b_\("([^"]+)"\)', path.read_text(encoding="utf-8")):
            found.setdefault((text, None), where)
    return found


def _trimmed(text: str) -> str:
    from django.utils.translation import trim_whitespace

    return str(trim_whitespace(text))


# --- what rooms say --------------------------------------------------------------------------------------------------------------


def sayings() -> dict[str, str]:
    """Skeletons of every sentence rooms may show → where it stands. A skeleton names its slots by what fills them."""
    found: dict[str, str] = {}
    for room in SPOKEN:
        for path in sorted((CHECKOUT / room).rglob("*.py")):
            if not unspoken(path):
                for line, text in spoken_strings(ast.parse(path.read_text(encoding="utf-8"))):
                    found.setdefault(text, f"{path.relative_to(CHECKOUT)}:{line}")
    for path in sorted((CHECKOUT / "governance").rglob("*.yaml")):
        for text in _yaml_texts(yaml.safe_load(path.read_text(encoding="utf-8"))):
            found.setdefault(text, str(path.relative_to(CHECKOUT)))
    for path in sorted((CHECKOUT / "templates").rglob("*.html")):
        for word in re.findall(r'\|plural:"([^"]+)"', path.read_text(encoding="utf-8")):
            one, _, many = word.partition(",")
            for text in (f"1 {one}", f"{{n:number}} {many or one + 's'}", f"no {many or one + 's'}"):
                found.setdefault(text, str(path.relative_to(CHECKOUT)))
    for path in sorted((CHECKOUT / "static" / "js").glob("*.js")):
        for double, single in re.findall(r"""\bword\((?:"([^"]+)"|'([^']+)')""", path.read_text(encoding="utf-8")):
            found.setdefault(double or single, str(path.relative_to(CHECKOUT)))
    return found


def spoken_strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, text) of strings that are prose: neither docstrings, log lines, names, addresses nor keys."""
    silent: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            silent.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            silent |= {id(part) for part in node.values if isinstance(part, ast.Constant)}
            silent |= {
                id(spec)
                for part in node.values
                if isinstance(part, ast.FormattedValue) and part.format_spec
                for spec in ast.walk(part.format_spec)
            }
        if isinstance(node, ast.Call) and _logs(node):
            silent |= {id(inner) for inner in ast.walk(node)}
        if isinstance(node, ast.Assign) and re.search(r"\bonce\b", ast.unparse(node.targets[0])):  # what a reminder is known again by
            silent |= {id(inner) for inner in ast.walk(node.value)}
        if isinstance(node, ast.Subscript):
            silent |= {id(inner) for inner in ast.walk(node.slice)}
    for node in ast.walk(tree):
        if id(node) in silent or not isinstance(node, ast.Constant | ast.JoinedStr):
            continue
        text = skeleton(node)
        if is_prose(SLOT.sub("x", text)):
            yield node.lineno, text.strip()


def _logs(call: ast.Call) -> bool:
    named = ast.unparse(call.func)
    return named.split(".")[0] in ("log", "logger", "logging", "re", "warnings") or named.endswith(
        (".execute", "Constraint", "Value", "reverse", "render", ".parse_args")
    )


def skeleton(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value.replace("{}", "{x:said}") if isinstance(node.value, str) else ""
    taken: dict[str, int] = {}
    parts: list[str] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
            continue
        assert isinstance(part, ast.FormattedValue)
        code = ast.unparse(part.value)
        day = part.format_spec and "%b %Y" in ast.unparse(part.format_spec) and parts[-1:] == [" "]
        if day:  # {due.day} {due:%b %Y} is one day
            del parts[-2:]
        name = re.sub(r"\W+|\d+", "_", code.split("(")[-1]).strip("_").lower()[-24:].strip("_") or "x"
        taken[name] = taken.get(name, 0) + 1
        name += "" if taken[name] == 1 else "abcdefgh"[taken[name] - 2]
        spec = ast.unparse(part.format_spec) if part.format_spec else ""
        number = any(sign in spec for sign in (",", "f", "d")) or re.search(r"\b(len|count|round)\(", code)
        parts.append(f"{{{name}:{'day' if day else 'number' if number else 'said'}}}")
    return "".join(parts)


def is_prose(text: str) -> bool:
    text = text.strip()
    if (re.fullmatch(r"""[\w./:%#?=&<>\-+,@'"{}\\$]*""", text) and not re.fullmatch(r"[A-Z][a-z]+", text)) or text in NAMES:
        return False
    return bool(re.search(r"[A-Za-z]{2,}", text)) and not re.search(
        r"^(SELECT|WITH|INSERT|UPDATE|DELETE|PRAGMA|DROP|CREATE)\b|^import |^[a-z_]+__|<\w+|; (charset|filename)=|^python -m ", text
    )


def _yaml_texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _yaml_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _yaml_texts(inner)
    elif isinstance(value, str) and is_prose(value) and re.search(r" |^[A-Z][a-z]+$", value.strip()):
        yield " ".join(value.split())


def shape(text: str) -> str:
    """A sentence without the names of its slots: two that differ in these alone are one."""
    return SLOT.sub("\0", text)


# --- catalogues ------------------------------------------------------------------------------------------------------------------


def catalogue(domain: str, language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.po"


def read(domain: str, language: str) -> polib.POFile:
    path = catalogue(domain, language)
    if path.exists():
        return polib.pofile(str(path), wrapwidth=0)
    new = polib.POFile(wrapwidth=0)
    new.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Content-Transfer-Encoding": "8bit", "Language": language}
    new.metadata |= {"Plural-Forms": "nplurals=2; plural=(n != 1);"}
    return new


def compiled(po: polib.POFile) -> bytes:
    return bytes(po.to_binary())


def refresh(language: str) -> list[str]:
    """Brings the catalogues in step with the code, compiles them, and names every entry that has no translation."""
    lacking = []
    for domain, wanted in (("django", template_messages()), ("sayings", {(text, None): where for text, where in sayings().items()})):
        po = read(domain, language)
        known = {(shape(e.msgid), e.msgid_plural or None): e for e in po}
        for (one, many), where in sorted(wanted.items(), key=lambda item: (item[1], item[0][0])):
            if (shape(one), many) not in known:
                entry = polib.POEntry(msgid=one, msgid_plural=many or "", occurrences=[])
                if many:
                    entry.msgstr_plural = {0: "", 1: ""}
                entry.comment = where.partition(":")[0]
                po.append(entry)
        shapes = {(shape(one), many) for one, many in wanted}
        translated = {(shape(entry.msgid), entry.msgid_plural or None) for entry in po if entry.translated()}
        for entry in list(po):
            of = (shape(entry.msgid), entry.msgid_plural or None)
            twice = of in translated and not entry.translated()
            if twice or (of not in shapes and not entry.tcomment.startswith("kept")):
                po.remove(entry)
        lacking += [f"{domain}.po: {entry.msgid}" for entry in po if not entry.translated()]
        po.sort(key=lambda e: (e.comment, e.msgid))
        path = catalogue(domain, language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{po}\n".replace("\n\n\n", "\n\n"), encoding="utf-8")
        path.with_suffix(".mo").write_bytes(compiled(po))
    return lacking


def main() -> int:
    lacking = [line for language in LANGUAGES for line in refresh(language)]
    print("\n".join(lacking) or "Every sentence has its translation.")
    return 1 if lacking else 0


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    sys.path.insert(0, str(CHECKOUT))
    django.setup()
    sys.exit(main())
