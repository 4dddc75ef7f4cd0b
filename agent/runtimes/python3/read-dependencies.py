"""Says as JSON what a Python file depends on. Reads the file and runs nothing of it.

Usage: python3 -I read-dependencies.py FILE
declared: requirements of a header, or null without one. extra: requirements beside the imports. sdist: the header allows source packages.
imports: dotted names outside of the standard library; `from a import b` counts as a.b. syntax: why the file does not parse, or null.
"""

import ast
import json
import os
import re
import sys

MAX_IMPORTS = 500
LIST = re.compile(r"^#\s*(extra_)?requirements:\s*$")
SDIST = re.compile(r"^#\s*sdist:\s*allow\s*$", re.MULTILINE)
# The form that PEP 723 gives.
BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


def main():
    with open(sys.argv[1], encoding="utf-8", newline="") as file:
        source = file.read().replace("\r\n", "\n")
    answer = {"declared": listed(source, False), "extra": listed(source, True) or [], "sdist": bool(SDIST.search(source)), "imports": [], "syntax": None}
    try:
        block = inline_metadata(source)
        if block is not None:
            answer["declared"] = block
        answer["imports"] = imports_of(ast.parse(source))[:MAX_IMPORTS]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        answer["syntax"] = {"message": getattr(error, "msg", None) or str(error), "line": getattr(error, "lineno", None) or 0}
    json.dump(answer, sys.stdout)


def listed(source, extra):
    """The lines of comment under `# requirements:`; None when there is no such line."""
    found = None
    inside = False
    for line in source.split("\n"):
        head = LIST.match(line)
        if head:
            inside = bool(head.group(1)) == extra
            found = (found or []) if inside else found
        elif inside and line.startswith("#"):
            text = line.lstrip("#").strip()
            if text and not SDIST.match(line):
                found.append(text.split(" #")[0].strip())
        else:
            inside = False
    return found


def inline_metadata(source):
    blocks = [match for match in BLOCK.finditer(source) if match.group("type") == "script"]
    if not blocks:
        return None
    if len(blocks) > 1:
        raise ValueError("there are two blocks `# /// script`")
    lines = blocks[0].group("content").split("\n")
    text = "\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)
    try:
        import tomllib
    except ImportError:
        return list_in(text)
    found = tomllib.loads(text).get("dependencies", [])
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError("`dependencies` of the block `# /// script` must be a list of strings")
    return found


def list_in(text):
    """Before Python 3.11 there is no reader of TOML; a list of strings and its comments look the same in Python."""
    start = re.search(r"(?m)^dependencies\s*=\s*(?=\[)", text)
    for end in re.finditer(r"\]", text[start.end() :] if start else ""):
        try:
            return [str(item) for item in ast.literal_eval(text[start.end() : start.end() + end.end()])]
        except (SyntaxError, ValueError):
            continue
    return []


def imports_of(tree):
    known = standard_library()
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] not in known:
                found[name] = True
    return list(found)


def standard_library():
    names = set(sys.builtin_module_names) | {"__main__", "__future__"}
    if hasattr(sys, "stdlib_module_names"):
        return names | sys.stdlib_module_names
    import pkgutil

    home = os.path.dirname(os.__file__)
    return names | {module.name for module in pkgutil.iter_modules([home, os.path.join(home, "lib-dynload")])}


main()
