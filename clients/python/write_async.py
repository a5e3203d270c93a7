"""`make client`: writes the asyncio client, `camel_ext_client/aio`, from the one that is not async.

It works on the syntax tree: what talks to the transport, or to a method that does, is awaited. Shapes,
paths and plain helpers are not written twice but imported. It knows no route.
"""

import ast
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SYNC = HERE / "camel_ext_client"
ASYNC = SYNC / "aio"
BY_HAND = {"__init__", "errors", "feed", "pages", "transport"}
AWAITED = {"get", "read", "create", "post_raw", "send", "close"}  # of the transport
RENAMED = {
    "Transport": "AsyncTransport",
    "Client": "AsyncClient",
    "Iterator": "AsyncIterator",
    "Generator": "AsyncGenerator",
    "AbstractContextManager": "AbstractAsyncContextManager",
    "BaseTransport": "AsyncBaseTransport",
    "closing": "aclosing",
}
TWINS = {"pages": {"each"}, "transport": {"Transport"}, "": {"feed"}}  # of what is written by hand
Method = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[str]:
    """Return the modules that are written: those with a class that is no shape."""
    names = sorted(path.stem for path in SYNC.glob("*.py") if path.stem not in BY_HAND)
    return [name for name in names if _classes(_tree(name))]


def written(name: str) -> str:
    """Return the asyncio twin of a module, as `ruff format` lays it out."""
    tree = _tree(name)
    kept = [_Asyncio(each).visit(each) for each in _classes(tree)]
    imports = _imports(
        tree,
        name,
        {node.id for cls in kept for node in ast.walk(cls) if isinstance(node, ast.Name)},
    )
    words = f"{ast.get_docstring(tree)}\n\nWritten by `make client` from `{name}.py`: change that one.\n"
    body: list[ast.stmt] = [ast.Expr(ast.Constant(words)), *imports, *kept]
    text = ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))
    for command in (["check", "--fix", "--quiet"], ["format"]):
        done = subprocess.run(  # noqa: S603 - our own formatter on our own text
            [Path(sys.executable).with_name("ruff"), *command, "--stdin-filename", ASYNC / f"{name}.py", "-"],
            input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip
        text = done.stdout or text
    return text


def _tree(name: str) -> ast.Module:
    return ast.parse((SYNC / f"{name}.py").read_text())


def _classes(tree: ast.Module) -> list[ast.ClassDef]:
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return [each for each in classes if not each.bases]


def _imports(tree: ast.Module, name: str, used: set[str]) -> list[ast.stmt]:
    """Return the imports of what is used: twins from here, everything else from where it stands."""
    resources = {each: {cls.name for cls in _classes(_tree(each))} for each in modules()}
    found: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            found.append(node)
        elif isinstance(node, ast.ImportFrom):
            found += _import_from(node, resources, used)
    own = [alias for alias in _own(tree) if alias in used]
    if own:
        names = [ast.alias(alias) for alias in own]
        found.append(ast.ImportFrom(f"camel_ext_client.{name}", names, 0))
    return found


def _own(tree: ast.Module) -> list[str]:
    """Return what a module defines beside its routes: shapes, paths, helpers."""
    names = []
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.FunctionDef) or (isinstance(node, ast.ClassDef) and node.bases):
            names.append(node.name)
    return names


def _import_from(
    node: ast.ImportFrom, resources: dict[str, set[str]], used: set[str]
) -> list[ast.stmt]:
    package, _, module = (node.module or "").partition(".")
    if package != "camel_ext_client":
        names = [ast.alias(RENAMED.get(each.name, each.name)) for each in node.names]
        kept = [each for each in names if each.name in used]
        return [ast.ImportFrom(node.module, kept, 0)] if kept else []
    here = resources.get(module, TWINS.get(module, set()))
    twins = [
        ast.alias(RENAMED.get(each.name, each.name)) for each in node.names if each.name in here
    ]
    others = [each for each in node.names if each.name not in here and each.name in used]
    dotted = f".{module}" if module else ""
    found: list[ast.stmt] = []
    if twins:
        found.append(ast.ImportFrom(f"camel_ext_client.aio{dotted}", twins, 0))
    if others:
        found.append(ast.ImportFrom(f"camel_ext_client{dotted}", others, 0))
    return found


class _Asyncio(ast.NodeTransformer):
    """Makes one class async."""

    def __init__(self, cls: ast.ClassDef) -> None:
        methods = [node for node in cls.body if isinstance(node, ast.FunctionDef)]
        self._awaited: set[str] = set()
        before = -1
        while before != len(self._awaited):  # until no method awaits one more
            before = len(self._awaited)
            for each in methods:
                if not _yields(each) and self._talks(each):
                    self._awaited.add(each.name)
        self._lines: set[str] = set()

    def _talks(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Lambda):
            return False
        if isinstance(node, ast.With):
            return True
        return self._is_awaited(node) or any(map(self._talks, ast.iter_child_nodes(node)))

    def _is_awaited(self, node: ast.AST) -> bool:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return False
        owner, name = ast.unparse(node.func.value), node.func.attr
        if owner == "self._transport":
            return name in AWAITED
        if owner.startswith("self."):  # another resource of the client
            return not name.startswith("each")
        return owner == "self" and name in self._awaited

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Method:
        node.name = {"__enter__": "__aenter__", "__exit__": "__aexit__"}.get(node.name, node.name)
        is_async = _yields(node) or self._talks(node) or node.name == "__aenter__"
        self.generic_visit(node)
        if not is_async:
            return node
        return ast.AsyncFunctionDef(**dict(ast.iter_fields(node)))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        awaited = self._is_awaited(node)
        self.generic_visit(node)
        return ast.Await(node) if awaited else node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        return node  # it hands the coroutine on

    def visit_With(self, node: ast.With) -> ast.AsyncWith:
        self._lines |= {
            ast.unparse(item.optional_vars) for item in node.items if item.optional_vars
        }
        self.generic_visit(node)
        return ast.AsyncWith(node.items, node.body)

    def visit_For(self, node: ast.For) -> ast.For | ast.AsyncFor:
        self.generic_visit(node)
        if ast.unparse(node.iter) in self._lines:
            return ast.AsyncFor(node.target, node.iter, node.body, node.orelse)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        if isinstance(node.value, ast.YieldFrom):  # not allowed where there is async
            item = ast.Name("item", ast.Load())
            given = self.visit(node.value.value)
            return ast.For(ast.Name("item", ast.Store()), given, [ast.Expr(ast.Yield(item))], [])
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = RENAMED.get(node.id, node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        node.attr = (
            RENAMED.get(node.attr, node.attr) if ast.unparse(node.value) == "httpx" else node.attr
        )
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.name = RENAMED.get(node.name, node.name)
        self.generic_visit(node)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.Subscript:
        self.generic_visit(node)
        if ast.unparse(node.value) == "AsyncGenerator" and isinstance(node.slice, ast.Tuple):
            node.slice.elts = node.slice.elts[:2]  # an async generator returns nothing
        return node


def _yields(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))


if __name__ == "__main__":
    for module in modules():
        (ASYNC / f"{module}.py").write_text(written(module))
