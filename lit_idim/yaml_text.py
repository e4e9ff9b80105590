"""YAML that may come from anyone: read without code, without a flood of memory, and with one kind of error."""

from typing import Any

import yaml

# A few bytes of aliases of aliases stand for any number of values; the first loop over them would fill the memory.
MAX_VALUES = 100_000
# What PyYAML raises at a scalar that its own tag does not fit (`!!int ""`, `2001-99-99`), and at nesting too deep.
_OF_SCALARS = (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError)


def parse_yaml(text: str) -> Any:
    """The value of a YAML document; only maps, lists and scalars can be in it.

    Example:
        >>> parse_yaml("steps: [0, 10]")
        {'steps': [0, 10]}
        >>> parse_yaml("a: &a [*a]")
        Traceback (most recent call last):
        yaml.error.YAMLError: a value holds itself

    Raises:
        yaml.YAMLError: if the text is no YAML, a scalar is not what its tag says, values are nested too deeply, hold
            themselves, or are more than `MAX_VALUES` with all aliases followed.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node)
        return loader.construct_document(node)
    except RecursionError:
        raise yaml.YAMLError("values are nested too deeply") from None
    except _OF_SCALARS as error:
        raise yaml.YAMLError(f"a value does not fit its tag ({error})") from error
    finally:
        loader.dispose()


def _check_size(root: yaml.Node) -> None:
    sizes: dict[int, int | None] = {}  # None while the node is being counted

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            known = sizes[id(node)]
            if known is None:
                raise yaml.YAMLError("a value holds itself")
            return known
        sizes[id(node)] = None
        total = 1 + sum(map(size, _children(node)))
        if total > MAX_VALUES:
            raise yaml.YAMLError(f"it stands for more than {MAX_VALUES:,} values")
        sizes[id(node)] = total
        return total

    size(root)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
