"""What runs from right to left turns nothing around beside it."""

import pytest
from markupsafe import Markup

from service.web.directions import isolated


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada was at Engines on 1 June 2020.", "Ada was at Engines on 1 June 2020."),
        ("Zoë <b>", "Zoë &lt;b&gt;"),
        ("ada عدد 1815", "ada <bdi>عدد</bdi> 1815"),
        ("عدد 12 عدد, 1815", "<bdi>عدد 12 عدد</bdi>, 1815"),
        ("עדה בת-ביירון joined", "<bdi>עדה בת-ביירון</bdi> joined"),
        ("מעבדה (אביב) on 1 June", "<bdi>מעבדה (אביב)</bdi> on 1 June"),
        ("see (אביב, 1 June)", "see (<bdi>אביב</bdi>, 1 June)"),
        ("אביב, אביב", "<bdi>אביב</bdi>, <bdi>אביב</bdi>"),
        ("אביב\nאביב", "<bdi>אביב</bdi>\n<bdi>אביב</bdi>"),
        ("עדה <i> עדה", "<bdi>עדה</bdi> &lt;i&gt; <bdi>עדה</bdi>"),
        ("", ""),
    ],
)
def test_each_part_has_its_own_direction(text: str, shown: str) -> None:
    assert isolated(text) == Markup(shown)
