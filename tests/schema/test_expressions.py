"""What counts as an expression, as a misspelling of one, and as no label at all."""

import pytest

from pipeline.schema.expressions import canonical, check_label, is_no_label, misspelt, near_miss


def test_words_for_no_value_name_no_expression() -> None:
    for word in ("None", "none", "", " ", "n/a", "NaN", "-", "null"):
        assert is_no_label(word)
        assert canonical(word) is None
        with pytest.raises(ValueError, match="expression"):
            check_label("expression", word)


@pytest.mark.parametrize(
    ("word", "meant"),
    {
        "suprised": "surprised",
        "suprized": "surprised",
        "digust": "disgusted",
        "hapy": "happy",
        "Happines": "happy",
        "neutrl": "neutral",
        "frightend": "scared",
        "contemt": "contempt",
    }.items(),
)
def test_a_misspelling_is_recognised(word: str, meant: str) -> None:
    assert misspelt(word, ["contempt"]) == meant


@pytest.mark.parametrize(
    "word", ["calm", "pain", "bored", "disgruntled", "engagement", "happy2", "IMG", "S", "mad"]
)
def test_another_word_is_no_misspelling(word: str) -> None:
    assert misspelt(word) is None


def test_a_known_word_is_no_misspelling() -> None:
    assert near_miss("happy", ["happy", "happily"]) is None
