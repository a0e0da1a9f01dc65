"""Older spellings warn once, where the caller wrote them."""

from __future__ import annotations

import importlib
import sys
import warnings

import pytest

from fitwell import optimizers, spellings


def test_a_spelling_warns_once_at_the_callers_line() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        optimizers.SGD(lr=0.1)
        optimizers.Adam(lr=0.1)
    assert [str(w.message) for w in seen] == ["lr= is an older spelling: write learning_rate="]
    assert seen[0].filename == __file__
    spellings.forget_warnings()
    with pytest.warns(DeprecationWarning):
        optimizers.SGD(lr=0.1)


def test_an_import_statement_is_shown_too() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        from fitwell.utils.np_utils import to_categorical
    from fitwell import utils

    assert to_categorical is utils.to_categorical
    assert [w.filename for w in seen] == [__file__]


@pytest.mark.parametrize(
    "address",
    ["layers.normalization", "layers.experimental.preprocessing", "utils.np_utils", "utils.vis_utils"],
)
def test_every_name_at_an_older_address_exists_today(address: str) -> None:
    module = importlib.import_module(f"fitwell.{address}")
    names = module.__getattr__.__closure__
    known = next(cell.cell_contents for cell in names if isinstance(cell.cell_contents, frozenset))
    assert known
    today = sys.modules[f"fitwell.{address.split('.')[0]}"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in known:
            assert getattr(module, name) is getattr(today, name)
