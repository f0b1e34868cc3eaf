"""What the figures of training runs are called in other languages than English: offered, never read unasked."""

from __future__ import annotations

import re

from race_to_efficiency.cells.text import tidy

_WORDS = {
    "params": (
        "modellgröße", "modellgrösse", "paramètre", "taille du modèle", "parámetro", "tamaño del modelo",
        "parametri", "parâmetro", "tamanho do modelo", "параметр", "参数", "參數", "模型大小", "パラメータ", "파라미터",
        "매개변수",
    ),
    "tokens": ("jeton", "токен", "词元", "詞元", "令牌", "トークン", "토큰"),
    "loss": ("verlust", "perte", "pérdida", "perdita", "perda", "потер", "损失", "損失", "손실"),
    "compute_flop": (
        "rechenaufwand", "coût de calcul", "calcul d'entraînement", "cómputo", "calcolo", "computação", "вычислен",
        "计算量", "計算量", "算力", "연산량", "계산량",
    ),
}  # fmt: skip
"""Parts of names, lower case."""

_LIKE_ENGLISH = {
    "params": re.compile(r"(anzahl (der )?)?(modell)?parameter(an)?(zahl)?"),
    "tokens": re.compile(r"(anzahl (der )?)?(trainings)?tokens?(an)?(zahl)?|(número de )?tokens (de|d') ?\w+"),
}
"""Whole names in words that English names of other things hold too: token_multiplier, tokens_per_parameter."""

_RATIO = re.compile(r"/|\b(?:pro|par|por|per|je)\b|每")


def foreign_figure(name: str) -> str:
    """Return the figure a column is by its name in German, French, Spanish, Chinese and others; empty for none.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> foreign_figure("Verlust (Validierung)"), foreign_figure("训练词元数"), foreign_figure("Datum")
    ('loss', 'tokens', '')
    """
    plain = tidy(name.replace("_", " ")).casefold()
    if _RATIO.search(plain):
        return ""
    found = [figure for figure, words in _WORDS.items() if any(word in plain for word in words)]
    found += [figure for figure, whole in _LIKE_ENGLISH.items() if whole.fullmatch(plain)]
    return found[0] if len(found) == 1 else ""
