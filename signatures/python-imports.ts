import type { Node, Tree } from "web-tree-sitter";

/**
 * Top-level modules that every CPython from 3.10 to 3.14 brings along; those that left the library meanwhile (PEP 594, distutils) are left out,
 * since newer versions need a package for them.
 */
const STANDARD: ReadonlySet<string> = new Set(
  "abc argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 cProfile calendar cmath cmd code codecs codeop collections colorsys compileall concurrent configparser contextlib contextvars copy copyreg csv ctypes curses dataclasses datetime dbm decimal difflib dis doctest email encodings enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http imaplib inspect io ipaddress itertools json keyword linecache locale logging lzma mailbox marshal math mimetypes mmap modulefinder msvcrt multiprocessing netrc nt ntpath nturl2path numbers opcode operator optparse os pathlib pdb pickle pickletools platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter sched secrets select selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess symtable sys sysconfig syslog tabnanny tarfile tempfile termios textwrap threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle types typing unicodedata unittest urllib uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xml xmlrpc zipapp zipfile zipimport zlib zoneinfo __future__".split(
    " ",
  ),
);

/** Ways to load a module whose name the tree does not show. */
const DYNAMIC = new Set(["__import__", "importlib", "imp", "runpy", "pkgutil", "pip"]);
/** Comments that declare packages, such as `# requirements:` and `# /// script`. */
const DECLARES = /^#\s*(?:(?:extra_)?requirements|\/\/\/\s*script|pin\s*:|py\d|py:)/i;
/** Nodes that the search looks at; a file with more is not known. */
const MAX_NODES = 1_000_000;

/** Whether the file imports nothing but the standard library, as far as that is certain. */
export function importsStandardOnly(tree: Tree): boolean {
  const cursor = tree.walk();
  let visited = 0;
  try {
    do {
      if (visited++ > MAX_NODES || needsMore(cursor.nodeType, () => cursor.currentNode)) return false;
    } while (cursor.gotoFirstChild() || nextOf(cursor));
    return true;
  } finally {
    cursor.delete();
  }
}

function nextOf(cursor: ReturnType<Tree["walk"]>): boolean {
  while (!cursor.gotoNextSibling()) if (!cursor.gotoParent()) return false;
  return true;
}

function needsMore(type: string, node: () => Node): boolean {
  switch (type) {
    case "import_statement":
      return node()
        .childrenForFieldName("name")
        .some((name) => !isStandard(name.childForFieldName("name")?.text ?? name.text));
    case "import_from_statement":
      return !isStandard(node().childForFieldName("module_name")?.text ?? "");
    case "identifier":
      return DYNAMIC.has(node().text);
    case "comment":
      return DECLARES.test(node().text);
    default:
      return false;
  }
}

function isStandard(path: string): boolean {
  return STANDARD.has(path.split(".")[0]?.trim() ?? "");
}
