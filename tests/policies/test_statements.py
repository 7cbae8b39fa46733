# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

from tests.policies import statements


def test_every_statement_of_the_page_is_checked_and_every_check_is_of_a_statement():
    here = Path(__file__).parent
    files = [*here.glob("*.py"), here.parent / "places" / "test_policies.py"]
    text = "".join(path.read_text() for path in files)
    checked = set(re.findall(r"""\b([CPULTRS]\d+)\b""", text))
    assert checked == set(statements())
