"""Builds the reference of every module as HTML: `python docs/reference.py FOLDER`, with the extra `docs` (pdoc)."""

import argparse
import pkgutil
import re
import warnings
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import lit_idim

# What cannot be imported without an extra, and has no page then.
NEEDS = {
    "fairseq2": ("lit_idim.fairseq2_extension",),
    "triton": ("lit_idim.projections.gpu.fused", "lit_idim.projections.gpu.kernels"),
}


def main() -> None:
    """Writes the pages to the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Builds the reference of every module of lit_idim as HTML.")
    parser.add_argument("folder", type=Path, help="folder for the pages")
    folder: Path = parser.parse_args().folder

    import pdoc

    # pdoc reads a module's dictionary, and the package puts its public names there at first use.
    vars(lit_idim).update({name: getattr(lit_idim, name) for name in lit_idim.__all__})
    missing = tuple(module for package, needing in NEEDS.items() if find_spec(package) is None for module in needing)
    names = ["lit_idim", *(found.name for found in pkgutil.walk_packages(lit_idim.__path__, prefix="lit_idim."))]
    modules = [name for name in names if not name.startswith(missing)]
    for name in modules:
        _list_modules(name)
    # It finds some of the modules by itself as well, and would say so of each.
    warnings.filterwarnings("ignore", message="The module specification")
    pdoc.render.configure(docformat="google", math=False, search=True)
    excluded = [f"!{re.escape(name)}" for name in missing]  # pdoc walks through the packages itself as well
    pdoc.pdoc(*modules, *excluded, output_directory=folder)
    print(f"written to {folder / 'index.html'}")


def _list_modules(name: str) -> None:
    """Lets the page of a package link to its modules, which its __all__ would hide."""
    package = import_module(name)
    if hasattr(package, "__path__") and hasattr(package, "__all__"):
        inside = [found.name for found in pkgutil.iter_modules(package.__path__)]
        package.__all__ = [*package.__all__, *(module for module in inside if module not in package.__all__)]


if __name__ == "__main__":
    main()
